#pragma once

#include <optional>
#include <stop_token>

#include "base/fd.h"

namespace slipway::base {

// A descriptor that becomes readable when a stop is asked for, to sit in a poll(2) beside others.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop);
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;
  const Fd& fd() const { return fd_; }

 private:
  struct Signal {
    const Fd* fd;  // the member below
    void operator()() const noexcept;
  };
  Fd fd_;
  std::optional<std::stop_callback<Signal>> callback_;
};

}  // namespace slipway::base
