#pragma once

#include <string>
#include <vector>

#include "builder/sandbox/sandbox.h"
#include "cmd/services.h"

// Commands that have our terminal, or our standard streams, until they end.

namespace slipway::cmd {

// docker's: what failed was not the command but the attempt to run it.
inline constexpr int kNotRunCode = 125;

struct Foreground {
  bool input = false;     // standard input is passed on
  bool terminal = false;  // the command gets a terminal of its own, joined with ours
};

// Runs it to its end; signals go to the command, and the third SIGINT or SIGTERM kills it. kUsage
// if a terminal with input is asked for and standard input is none.
builder::StepResult run_in_foreground(Services& services, builder::SandboxSpec spec,
                                      const Foreground& how);

// Tells what there is to tell of the end; the exit code that says the same to a shell.
int code_of(const builder::StepResult& result);

// bash where there is one, else sh: interactive if its input is a terminal.
std::vector<std::string> shell_arguments();

// Sets what -e gives: NAME=VALUE, or NAME for the value that it has here.
void set_variables(std::vector<std::string>& variables, const std::vector<std::string>& given,
                   const Environment& ours);

// The command, or a shell without one, in the sandbox of a step. `command_hint` is how to give a
// command, for images that have no shell.
int look_around(Services& services, builder::SandboxSpec spec,
                const std::vector<std::string>& command, const std::string& command_hint);

}  // namespace slipway::cmd
