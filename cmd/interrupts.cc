#include "cmd/interrupts.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"
#include "base/stop.h"

namespace slipway::cmd {

namespace {

constexpr int kSignalExitBase = 128;

sigset_t watched_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}) {
    ::sigaddset(&signals, signal);
  }
  return signals;
}

}  // namespace

Interrupts::Interrupts() {
  sigset_t signals = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  watcher_ = std::jthread([this](std::stop_token done) { watch(done); });
}

Interrupts::~Interrupts() = default;

void Interrupts::watch(std::stop_token done) {
  sigset_t signals = watched_signals();
  base::Fd descriptor(::signalfd(-1, &signals, SFD_CLOEXEC));
  base::StopEvent ending(done);
  while (true) {
    std::array<pollfd, 2> waits = {pollfd{descriptor.get(), POLLIN, 0},
                                   pollfd{ending.fd().get(), POLLIN, 0}};
    ::poll(waits.data(), waits.size(), -1);
    if (done.stop_requested()) {
      return;
    }
    signalfd_siginfo info{};
    if (::read(descriptor.get(), &info, sizeof info) == sizeof info) {
      take(static_cast<int>(info.ssi_signo));
    }
  }
}

void Interrupts::take(int signal) {
  {
    // Called with the lock held: that is what lets ~Redirect promise that nothing runs any more.
    auto listener = listener_.lock();
    if (*listener) {
      (*listener)(signal);
      return;
    }
  }
  if (signal == SIGWINCH) {
    return;
  }
  if (signal == SIGQUIT || stop_.stop_requested()) {
    ::_exit(kSignalExitBase + signal);
  }
  stop_.request_stop();
}

Interrupts::Redirect::Redirect(Interrupts& owner, Listener listener) : owner_(&owner) {
  *owner_->listener_.lock() = std::move(listener);
}

Interrupts::Redirect::~Redirect() {
  *owner_->listener_.lock() = nullptr;
}

}  // namespace slipway::cmd
