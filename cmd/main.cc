#include <signal.h>

#include <string>
#include <system_error>
#include <vector>

#include "builder/sandbox/sandbox.h"
#include "cmd/environment.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

int main(int argc, char** argv) {
  // Before anything else: the sandbox's helper is this same program, single-threaded for its whole
  // life.
  if (slipway::builder::is_sandbox_helper(argc, argv)) {
    return slipway::builder::sandbox_helper_main(argc, argv);
  }
  // A reader that goes away is an error of the write, not a death.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return slipway::cmd::run_command_line(std::vector<std::string>(argv + 1, argv + argc),
                                          slipway::cmd::Environment::of_process());
  } catch (const slipway::base::Error& error) {
    slipway::cmd::print_error(slipway::cmd::report_text(error));
    return static_cast<int>(slipway::cmd::exit_code_of(error.kind()));
  } catch (const std::system_error& error) {
    // How the library says that a thread could not be started.
    slipway::cmd::print_error(std::string("ERROR: a thread can't be started: ") + error.what() +
                              "\n  hint: permit more processes (ulimit -u, or the container's "
                              "limit of pids)\n");
    return static_cast<int>(slipway::cmd::ExitCode::kSystem);
  } catch (const std::exception& error) {
    slipway::cmd::print_error(std::string("ERROR: internal: ") + error.what() + "\n");
    return static_cast<int>(slipway::cmd::ExitCode::kInternal);
  }
}
