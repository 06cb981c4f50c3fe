#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <vector>

#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

// A mount of the container: what lies at `source` in the runtime's mount namespace.
struct OciMount {
  base::ImagePath target;
  std::string source;
  // MOUNT_ATTR_*, for the topmost mount. Runtimes set just what they are told, so what the source
  // has already must be said again.
  std::uint64_t attributes = 0;
};

// What a config.json depends on besides the spec.
struct OciSurroundings {
  std::string root;  // path of the root directory in the runtime's mount namespace
  bool root_is_read_only = false;
  // In the order in which they are to be made, after /proc, /dev and /sys.
  std::vector<OciMount> mounts;
  std::string sys;      // what is bound to /sys; empty: a new sysfs
  std::string cgroups;  // what is bound to /sys/fs/cgroup; empty: nothing
  bool has_tty_group = true;
  bool has_message_queues = true;
  // Nothing in /dev is a device but what is mounted there: /dev is nodev, and `mounts` has all.
  bool devices_are_mounts = false;
  // Our program, which is called when the container's root is complete and makes it nodev, and
  // read-only where it shall be: a runtime that does the one undoes the other. Empty: the file
  // systems of a user namespace are nodev anyhow, or the step may use devices.
  std::string hook_program;
  std::uint64_t permitted_capabilities = 0;
  rlimit open_files{};
};

// The config.json of a bundle, OCI runtime specification 1.0: namespaces of its own for processes,
// messages, names and mounts. The network, the control groups and the user namespace are those that
// the runtime is started in, so there is nothing about them in it.
std::string oci_config(const SandboxSpec& spec, const OciSurroundings& surroundings);

// A profile as `linux.seccomp`, for this machine's architecture and its 32-bit sibling.
std::string oci_seccomp(const SeccompProfile& profile);

}  // namespace slipway::builder
