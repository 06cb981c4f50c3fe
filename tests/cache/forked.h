#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/fd.h"

namespace slipway::cache::testing_support {

// A copy of this process that runs one function and ends: another user of the store, and one that
// can be killed. Only while the test has no threads.
class Forked {
 public:
  // `body` gets a pipe to tell how far it is; what it returns (or the error it throws) is the
  // result.
  explicit Forked(const std::function<std::string(const base::Fd& progress)>& body);
  Forked(Forked&& other) noexcept;
  Forked& operator=(Forked&&) = delete;
  // Kills it if nobody waited.
  ~Forked();

  // Waits until it has written so many bytes of progress; false if it ended before.
  bool wait_for_progress(std::size_t count);
  void kill();
  // What it returned, when it has ended; "killed" if it was.
  std::string result();

 private:
  pid_t pid_ = -1;
  base::Fd progress_;
  base::Fd result_;
};

}  // namespace slipway::cache::testing_support
