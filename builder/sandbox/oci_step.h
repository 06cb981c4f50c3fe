#pragma once

#include "builder/sandbox/step_process.h"
#include "builder/sandbox/step_root.h"
#include "builder/sandbox/system_mounts.h"

// A step that an OCI runtime runs. pid 1 puts the root and the mounts together as ever, but leaves
// the rest to the runtime:
//
//   pid 1 ── create ──▶ runtime ─▶ the container: its own pid, ipc, uts and mount namespaces
//     │  ◀─ orphaned ───────────────┘
//     ├─── start ───▶ the command runs
//     ├─── reaps, forwards signals, sees the command's end
//     └─── delete
//
// The bundle and the runtime's own state lie on the scratch, a tmpfs of the step's mount namespace,
// and the container lives in the step's pid namespace. So killing pid 1 ends and removes all of it,
// and there is nothing to clean up after a crash. Limits are those of the step's control groups,
// which the runtime is started in; it makes none.

namespace slipway::builder {

// Writes the bundle. Precondition: the root is mounted.
void write_bundle(const StepRoot& root, const OciSurroundings& surroundings);

// Makes what of /sys, /sys/fs/cgroup and /proc the runtime and the container need.
void prepare_system(StepRoot& root, const HostSys& host, OciSurroundings& surroundings);

// From here to the end of the process. Throws only before the command has started.
[[noreturn]] void run_container(StepProcess& process, const StepRoot& root);

// We are pid 1 of what the runtime sees, and run from a copy that nobody can write to.
inline constexpr const char* kOwnProgram = "/proc/1/exe";
// What that does as a hook: the root of a container that is about to be entered gets nodev, which
// the runtime takes away when it binds it. A step that makes a device node can't open it then; no
// device control group does this for us. `attributes` is the number of MOUNT_ATTR_*. An exit code.
int run_container_hook(const char* root, const char* attributes);

// What a runtime's log says of why it did what it did not: the last message of an error, in the
// format of JSON lines. Empty where there is none.
std::string last_error_of_log(std::string_view log);

// If that is about the command and not about the container: what to tell.
std::optional<report::NotExecuted> not_executed(std::string_view error);

}  // namespace slipway::builder
