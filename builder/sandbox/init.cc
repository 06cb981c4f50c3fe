#include "builder/sandbox/init.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>

#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

// What the command left behind is mostly dead within a millisecond. What is not may be waiting for
// a disk, or another user's while we lack the right to kill it.
constexpr std::chrono::milliseconds kOthersEndMax{1000};

// All that have ended; more than one child may stand behind one SIGCHLD.
struct Reaped {
  std::optional<int> command;  // its wait status, if it is among them
  bool is_childless = false;
};
Reaped reap(pid_t command) {
  Reaped reaped;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    if (ended == command) {
      reaped.command = status;
    }
  }
  reaped.is_childless = ended < 0;
  return reaped;
}

// False if not before the deadline. Signals are blocked, so one that comes after we have looked
// ends the wait.
bool wait_until_childless(std::chrono::steady_clock::time_point deadline) {
  sigset_t child_signal;
  ::sigemptyset(&child_signal);
  ::sigaddset(&child_signal, SIGCHLD);
  while (!reap(-1).is_childless) {
    auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) {
      return false;
    }
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timespec wait{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    ::sigtimedwait(&child_signal, nullptr, &wait);
  }
  return true;
}

// Whether all processes of the step but us are dead. Those that the command left are our children,
// or descend from such, also in pid namespaces below. kill(-1) is for all of them at once: the
// kernel gives a process that is about to be killed no child any more, and looks for that under the
// lock that kill(-1) holds. Stopped and traced processes die of it as others do, and calls that
// wait for an answer of ours (one_id.h) end.
bool end_others() {
  // Whatever goes wrong elsewhere, it must not reach the processes of the machine.
  if (::getpid() != 1) {
    return false;
  }
  ::kill(-1, SIGKILL);
  return wait_until_childless(std::chrono::steady_clock::now() + kOthersEndMax);
}

class Init {
 public:
  Init(pid_t command, const base::Fd& report, FinalFiles final_files)
      : command_(command), report_(report), final_files_(final_files) {}

  // Ends the process if the command has ended.
  void reap_children() const {
    Reaped reaped = reap(command_);
    if (reaped.command) {
      bool is_alone = reaped.is_childless || end_others();
      send_report(report_,
                  report::CommandEnded{*reaped.command,
                                       is_alone && final_files_ == FinalFiles::kWithLastProcess});
      ::_exit(0);
    }
  }

  void pass_on(int signal_number) const {
    if (signal_number > 0 && signal_number != SIGCHLD) {
      ::kill(command_, signal_number);
    }
  }

 private:
  pid_t command_;
  const base::Fd& report_;
  FinalFiles final_files_;
};

int read_signal(const base::Fd& signals) {
  signalfd_siginfo info{};
  return ::read(signals.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                  : 0;
}

[[noreturn]] void run_with_recorder(const Init& init, OwnerRecorder& recorder) {
  set_capabilities(kDefaultCapabilities | std::uint64_t{1} << CAP_SYS_PTRACE);
  sigset_t all;
  ::sigfillset(&all);
  base::Fd signals(base::check([&] { return ::signalfd(-1, &all, SFD_CLOEXEC); }, "signalfd"));
  while (true) {
    init.reap_children();
    std::array<pollfd, 2> waits = {pollfd{signals.get(), POLLIN, 0},
                                   pollfd{recorder.descriptor(), POLLIN, 0}};
    base::check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
    if (waits[0].revents != 0) {
      init.pass_on(read_signal(signals));
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

void run_init(pid_t command, const base::Fd& report, OwnerRecorder* recorder,
              FinalFiles final_files) {
  Init init(command, report, final_files);
  if (recorder != nullptr) {
    run_with_recorder(init, *recorder);
  }
  set_capabilities(std::uint64_t{1} << CAP_KILL);
  sigset_t all;
  ::sigfillset(&all);
  while (true) {
    init.reap_children();
    init.pass_on(::sigwaitinfo(&all, nullptr));
  }
}

}  // namespace slipway::builder
