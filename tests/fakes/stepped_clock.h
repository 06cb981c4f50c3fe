#pragma once

#include <atomic>

#include "base/time.h"

namespace slipway::tests {

// A clock that goes only when a test says so. Safe from any thread.
class SteppedClock : public base::Clock {
 public:
  explicit SteppedClock(std::int64_t start_seconds = 1'700'000'000) : seconds_(start_seconds) {}
  base::Timestamp now() const override { return {seconds_.load(), 0}; }
  std::int64_t steady_ns() const override { return seconds_.load() * 1'000'000'000; }
  void step_seconds(std::int64_t seconds) { seconds_ += seconds; }

 private:
  std::atomic<std::int64_t> seconds_;
};

}  // namespace slipway::tests
