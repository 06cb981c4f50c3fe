#include "base/stop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace slipway::base {

void StopEvent::Signal::operator()() const noexcept {
  std::uint64_t one = 1;
  // An eventfd write of 1 can't fail here: the counter starts at 0 and is written once.
  [[maybe_unused]] ssize_t written = ::write(fd->get(), &one, sizeof one);
}

StopEvent::StopEvent(std::stop_token stop)
    : fd_(check([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }, "eventfd")) {
  callback_.emplace(std::move(stop), Signal{&fd_});
}

}  // namespace slipway::base
