#include "builder/sandbox/init.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "builder/sandbox/capabilities.h"
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

}  // namespace

void block_all_signals() {
  sigset_t all;
  ::sigfillset(&all);
  base::check([&] { return ::sigprocmask(SIG_BLOCK, &all, nullptr); }, "sigprocmask");
}

void run_init(pid_t command, const base::Fd& report) {
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
