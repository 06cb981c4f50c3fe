#pragma once

#include <stop_token>
#include <utility>

#include "base/stop.h"

namespace slipway::cache {

// The pauses between two tries for a lock that somebody else holds: the kernel can wait for a lock
// or for a stop, not for both.
class LockWait {
 public:
  explicit LockWait(std::stop_token stop) : stop_(std::move(stop)), event_(stop_) {}
  // 1 ms at first, at most 50. Throws kCancelled on a stop.
  void pause();

 private:
  std::stop_token stop_;
  base::StopEvent event_;
  int pause_ms_ = 1;
};

}  // namespace slipway::cache
