#pragma once

#include <sys/types.h>

#include <compare>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace slipway::base {

// How a process ended.
struct ExitStatus {
  enum class Kind { kExited, kSignaled };
  Kind kind = Kind::kExited;
  int value = 0;  // exit code or signal number
  bool success() const { return kind == Kind::kExited && value == 0; }
  // "exit code: 3", "signal: killed"
  std::string text() const;
  // What a shell would make of it: the code, or 128 + the signal.
  int shell_code() const { return kind == Kind::kExited ? value : 128 + value; }
  friend auto operator<=>(const ExitStatus&, const ExitStatus&) = default;
};
ExitStatus exit_status_of_wait(int wait_status);

struct SpawnOptions {
  std::vector<std::string> argv;         // argv[0] is looked up on PATH unless it has a slash
  std::string program;                   // what is run instead of argv[0], if it is not empty
  std::vector<std::string> environment;  // "NAME=value", the whole environment of the child
  std::vector<std::pair<int, int>>
      descriptors;                // (ours, the child's number); everything else is closed on exec
  std::string working_directory;  // empty: ours
};

// A child process. The destructor kills (SIGKILL) and reaps one that was not waited for: nothing
// outlives its owner.
class Child {
 public:
  // Through posix_spawn(3): safe with threads around. Throws kNotFound if the program is absent.
  static Child spawn(const SpawnOptions& options);
  // A child that the caller has made in some other way.
  static Child adopt(pid_t pid, Fd pidfd) { return Child(pid, std::move(pidfd)); }
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  // Readable when the child has ended.
  const Fd& pidfd() const { return pidfd_; }
  void kill(int signal);
  ExitStatus wait();
  // Throws kCancelled on a stop, with the child killed and reaped.
  ExitStatus wait(std::stop_token stop);

 private:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  Fd pidfd_;
};

// Precondition: the process ignores SIGPIPE (a child may end without reading its input).
// Runs a program to its end with `input` on its standard input; gives what it wrote, each stream
// cut at `limit_bytes`.
struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};
Output run_program(const SpawnOptions& options, const std::string& input = {},
                   std::size_t limit_bytes = 1 << 20, std::stop_token stop = {});

}  // namespace slipway::base
