#include "builder/sandbox/init.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

[[noreturn]] void finish(int wait_status, const base::Fd& report) {
  send_report(report, report::CommandEnded{wait_status});
  ::_exit(0);
}

// All that have ended; more than one child may stand behind one SIGCHLD.
void reap(pid_t command, const base::Fd& report) {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended == command) {
      finish(status, report);
    }
  }
}

void take_signal(const base::Fd& signals, pid_t command) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) == sizeof info &&
      info.ssi_signo != static_cast<unsigned>(SIGCHLD)) {
    ::kill(command, static_cast<int>(info.ssi_signo));
  }
}

[[noreturn]] void run_with_recorder(pid_t command, const base::Fd& report,
                                    OwnerRecorder& recorder) {
  set_capabilities(kDefaultCapabilities | std::uint64_t{1} << CAP_SYS_PTRACE);
  sigset_t all;
  ::sigfillset(&all);
  base::Fd signals(base::check([&] { return ::signalfd(-1, &all, SFD_CLOEXEC); }, "signalfd"));
  while (true) {
    reap(command, report);
    std::array<pollfd, 2> waits = {pollfd{signals.get(), POLLIN, 0},
                                   pollfd{recorder.descriptor(), POLLIN, 0}};
    base::check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
    if (waits[0].revents != 0) {
      take_signal(signals, command);
    }
    if ((waits[1].revents & POLLIN) != 0) {
      recorder.answer();
    } else if (waits[1].revents != 0) {
      recorder.hang_up();
    }
  }
}

}  // namespace

void block_all_signals() {
  sigset_t all;
  ::sigfillset(&all);
  base::check([&] { return ::sigprocmask(SIG_BLOCK, &all, nullptr); }, "sigprocmask");
}

void run_init(pid_t command, const base::Fd& report, OwnerRecorder* recorder) {
  if (recorder != nullptr) {
    run_with_recorder(command, report, *recorder);
  }
  set_capabilities(std::uint64_t{1} << CAP_KILL);
  sigset_t all;
  ::sigfillset(&all);
  while (true) {
    reap(command, report);
    int number = ::sigwaitinfo(&all, nullptr);
    if (number > 0 && number != SIGCHLD) {
      ::kill(command, number);
    }
  }
}

}  // namespace slipway::builder
