#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/spec.h"

// The command of a step: what is done between the finished root and execve, in the process that
// becomes the command.

namespace slipway::builder {

struct CommandSetup {
  const SandboxSpec& spec;
  std::array<int, 3> stdio;        // descriptors above 2
  bool stdio_is_terminal = false;  // then it becomes the controlling terminal
  bool may_set_groups = true;
  std::string_view seccomp;  // empty: no filter
  // In a user namespace of one id (one_id.h): the filters of kRecord and kPretend, and where the
  // listener of the first is sent. Empty and null elsewhere.
  std::string_view record_owners;
  std::string_view pretend_owners;
  const base::Fd* listener_socket = nullptr;
  // Without namespaces: the root to change to, and the filter of process_guard.h, whose listener is
  // sent, too. Null and empty elsewhere.
  const base::Fd* root = nullptr;
  std::string_view guard;
  rlimit open_files;       // RLIMIT_NOFILE as the owner had it
  const base::Fd& report;  // failures go there
};

// Starts the command as a child that shares our memory until it executes (no page table is copied);
// returns its process id when it has executed or ended.
pid_t start_command(const CommandSetup& setup);

// The working directory of the process becomes the step's; kInput if there is none.
void enter_working_directory(const SandboxSpec& spec);

// Where `name` is found, as runc finds it: with a slash it is the path itself, otherwise the first
// executable regular file in the folders of PATH. Looks in the process' own root and with its own
// rights.
struct Executable {
  std::string path;
  // Where nothing can be executed: the exit code (127 not found, 126 found but not executable) and
  // what to say.
  int code = 0;
  std::string message;
};
Executable find_executable(const std::string& name, const std::vector<std::string>& environment);

}  // namespace slipway::builder
