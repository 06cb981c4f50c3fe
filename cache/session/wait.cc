#include "cache/session/wait.h"

#include <poll.h>

#include <algorithm>

#include "base/fd.h"
#include "base/stream.h"

namespace slipway::cache {

namespace {

constexpr int kPauseMsMax = 50;

}  // namespace

void LockWait::pause() {
  base::throw_if_stopped(stop_);
  pollfd stop{.fd = event_.fd().get(), .events = POLLIN, .revents = 0};
  base::check([&] { return ::poll(&stop, 1, pause_ms_); }, "poll");
  base::throw_if_stopped(stop_);
  pause_ms_ = std::min(pause_ms_ * 2, kPauseMsMax);
}

}  // namespace slipway::cache
