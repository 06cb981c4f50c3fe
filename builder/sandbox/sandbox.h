#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "builder/sandbox/spec.h"

// How a step is run.
//
//   owner (threads)          helper (one thread, our own binary)       step
//   Sandbox::run ──spec,fds──▶ clone3 with new namespaces ───────────▶ pid 1: mounts, pivot_root
//        ▲                        │                                      └▶ pid 2: user, caps,
//        │                        ▼                                             seccomp, exec
//        └──── result ──── reaps pid 1 (everything in its pid namespace is dead by then)
//
// Every step has a socket of its own between owner and helper. The owner closing its end, for
// whatever reason (also kill -9), ends the step; the helper's end ends its steps through
// PR_SET_PDEATHSIG. Mounts live in the step's mount namespace and vanish with its last process, so
// there is nothing to clean up after a crash.
//
// From a helper's third step on, pid 1 may have been cloned before the step was asked for, right
// after another one ended: it has its namespaces and /proc, /sys and /dev by then, and waits for
// the spec (spare.h). There is at most one such, no step has ever run in it, and it takes only
// steps that want what it was made with.
//
// pid 1 is a tiny init of ours: it reaps orphans, forwards signals, and when the command (pid 2)
// has ended, so does the namespace with everything in it. The command therefore has the default
// signal actions that a pid 1 lacks. It ends in two parts: all processes but the init, which then
// tells the owner of the command's end; and the init with the mounts. The second takes the kernel
// some microseconds for each file that the step has touched, and the owner may read meanwhile what
// the step has written (WorkAtEnd).

namespace slipway::builder {

// The standard streams of a step, borrowed from the caller until the call returns (begin() copies
// them). -1 is /dev/null. Not looked at when the spec has a terminal.
struct StepIo {
  int in = -1;
  int out = -1;
  int err = -1;
};

enum class StepEnd {
  kFinished,     // `status` says how
  kNotExecuted,  // the command could not be started: status is 127 or 126, `message` says why
  kOutOfMemory,  // the kernel killed something in the step for the memory limit
  kTimeout,      // killed, the time was up
  kCancelled,    // killed, a stop was asked for
};

struct StepUsage {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::uint64_t max_rss_bytes = 0;  // of the largest process
};

struct StepResult {
  StepEnd end = StepEnd::kFinished;
  base::ExitStatus status;  // of the command; SIGKILL where it was killed
  std::string message;      // of kNotExecuted, as: exec: "foo": executable file not found in $PATH
  StepUsage usage;          // all processes of the step
  std::vector<std::string> notices;  // what was asked for and could not be had, one line each
  bool success() const { return end == StepEnd::kFinished && status.success(); }
};

// What a caller can do while a step's mounts are taken away. Called at most once, on the thread
// that waits for the step, when the command has ended with success and nothing of the step is left
// but its mounts: what it wrote lies in the upper directory (or the plain root) and nobody changes
// it any more. It can be read; changing or moving it has to wait for the step's end.
//
// It is not called where that is known at the step's end only (no namespaces, an OCI runtime,
// fuse-overlayfs, rights that steps mostly have not), nor where mount points have to be removed
// from the upper directory first. A caller therefore does afterwards what was not done by then.
// The step may fail even after it: what was done is void then.
using WorkAtEnd = std::function<void()>;

// What ops need of a sandbox.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // Runs the step to its end. Any thread, many at once. Failing to set the sandbox up is an Error
  // that names the step of the set-up and its object; nothing is left behind then. A stop kills
  // every process of the step and is a result (kCancelled), not an Error. What `work` (may be
  // empty) throws is thrown when the step has ended.
  virtual StepResult run(const SandboxSpec& spec, const StepIo& io, const WorkAtEnd& work,
                         std::stop_token stop) = 0;
  StepResult run(const SandboxSpec& spec, const StepIo& io, std::stop_token stop) {
    return run(spec, io, {}, std::move(stop));
  }
  // A step that gets this network will come soon, so what takes its time can begin. Nothing is
  // waited for; what goes wrong is told to the step.
  virtual void expect(const UserNetwork& network) = 0;
};

// A step under way, for callers that talk to it. One thread at a time; the destructor kills it and
// waits for its end.
class Step {
 public:
  Step(Step&&) noexcept;
  Step& operator=(Step&&) = delete;
  ~Step();

  // The controlling side of the step's terminal; once, only if the spec has a terminal. Waits for
  // the set-up and throws its Error.
  base::Fd take_terminal();
  // To the command (pid 2); nothing happens if it has ended.
  void signal(int number);
  // Once.
  StepResult wait(std::stop_token stop) { return wait({}, std::move(stop)); }
  // What `work` throws ends the wait; the destructor then waits for the step's end.
  StepResult wait(const WorkAtEnd& work, std::stop_token stop);

 private:
  friend class Sandbox;
  struct State;
  explicit Step(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class OverlayDriver {
  kAuto,  // the kernel's; fuse-overlayfs where the kernel refuses (old kernels without root)
  kKernel,
  kFuse,
};

// Steps without namespaces: their roots are copies of the layers (chroot_root.h).
struct ChrootOptions {
  std::string folder;  // a directory for the copies, on the file system of the layers
  // The folder that the caller's own directories are below: those may be moved into a root for the
  // time of a step. It also has the lock that keeps such steps apart.
  std::string store;
};

struct SandboxOptions {
  // The program that is started as the helper: its main must begin with
  //   if (is_sandbox_helper(argc, argv)) return sandbox_helper_main(argc, argv);
  // It runs from a copy that cannot be written to, so that a step that gets hold of
  // /proc/<pid>/exe cannot change the file.
  std::string binary = "/proc/self/exe";
  std::vector<std::string> environment;  // of the helper; no step sees it
  OverlayDriver overlay = OverlayDriver::kAuto;
  std::optional<ChrootOptions> chroot;
};

// The owner's side of the helper process. start() may be called with threads around, from any
// thread. The destructor ends the helper and with it every step.
class Sandbox : public StepRunner {
 public:
  explicit Sandbox(const SandboxOptions& options = {});
  ~Sandbox() override;
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  using StepRunner::run;
  StepResult run(const SandboxSpec& spec, const StepIo& io, const WorkAtEnd& work,
                 std::stop_token stop) override;
  void expect(const UserNetwork& network) override;
  // The same in two halves. Throws only if the helper cannot be reached or the spec is wrong by
  // itself; set-up Errors come from the Step.
  Step begin(const SandboxSpec& spec, const StepIo& io);
  // There will be no more steps: the helper and its networks end while the caller does something
  // else, and the destructor waits for what is left of that. Precondition of all calls after it:
  // none but the destructor.
  void begin_end();

 private:
  Step launch(const SandboxSpec& spec, const StepIo& io, std::unique_ptr<Step::State> state);
  struct State;
  std::unique_ptr<State> state_;
};

// For main, before anything else (no thread, no allocation that matters, no flags read).
bool is_sandbox_helper(int argc, char** argv);
int sandbox_helper_main(int argc, char** argv);

}  // namespace slipway::builder
