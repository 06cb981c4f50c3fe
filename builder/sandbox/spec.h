#pragma once

#include <sys/types.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/path.h"
#include "builder/sandbox/capabilities.h"

// What one step needs to run, as plain data: the owner builds a SandboxSpec, the sandbox carries it
// out (sandbox.h). Host paths are absolute and trusted: they name things of ours. Everything that
// the image's content can influence is an ImagePath and is resolved beneath the new root, where
// symbolic links mean what they would mean after chroot.

namespace slipway::builder {

// The root is an overlay of `lowers`, bottom first (at most kOverlayLowersMax; the caller flattens
// deeper stacks). Writes land in `upper`; `work` is an empty directory on the same file system that
// no mount has used before (the overlay is volatile: the kernel refuses a work directory a second
// time). With both empty the root is read-only.
//
// Nothing of the sandbox itself ever appears in `upper`: mount points that no layer has come from a
// private bottom layer of stubs. Where a layer hides them (whiteout, opaque directory, a link to
// nowhere) they are made in `upper` and taken away again when the step has ended.
struct OverlayRoot {
  std::vector<std::string> lowers;
  std::string upper;
  std::string work;
  // A directory of the caller on the file system of the layers where the sandbox may keep sets of
  // empty mount points; steps and processes share it, and it may be emptied when no step runs. With
  // none the set is in memory, and the step sees other device and inode numbers of a file once it
  // was written to.
  std::string stubs;
  friend bool operator==(const OverlayRoot&, const OverlayRoot&) = default;
};
// 500 is the kernel's limit for an overlay; one is the sandbox's layer of stubs.
inline constexpr std::size_t kOverlayLowersMax = 499;

enum class Access { kReadOnly, kReadWrite };

// The root is a host directory as it is. Mount points that it lacks are made in it and removed
// afterwards, also with kReadOnly.
struct PlainRoot {
  std::string directory;
  Access access = Access::kReadWrite;
  friend bool operator==(const PlainRoot&, const PlainRoot&) = default;
};

// A file, directory, socket or device of the host, with what is mounted below it: `subpath` is
// resolved inside `source` (links in it can't leave `source`). A device can be used; devices inside
// a directory can't.
struct BindMount {
  std::string source;
  base::ImagePath subpath;
  base::ImagePath target;
  Access access = Access::kReadOnly;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_* besides what `access` says
  friend bool operator==(const BindMount&, const BindMount&) = default;
};

// A device node, or a fifo, that the step can use. Where we may make nodes it is the step's own,
// with the mode and owner given; elsewhere (in a user namespace) it is the host's `source`, with
// the mode and owner that this has, and whether it can be opened is the host's decision.
struct DeviceMount {
  std::string source;
  base::ImagePath target;
  mode_t type = 0;  // S_IFCHR, S_IFBLK or S_IFIFO
  unsigned major_number = 0;
  unsigned minor_number = 0;
  mode_t mode = 0660;
  uid_t uid = 0;
  gid_t gid = 0;
  friend bool operator==(const DeviceMount&, const DeviceMount&) = default;
};

// `subpath` of another stack of layers (the stage or image of RUN --mount=from). Read-only where
// `upper` is empty; otherwise writes go to `upper`, which the caller throws away.
struct OverlayMount {
  OverlayRoot layers;
  base::ImagePath subpath;
  base::ImagePath target;
  friend bool operator==(const OverlayMount&, const OverlayMount&) = default;
};

struct TmpfsMount {
  base::ImagePath target;
  std::uint64_t size_bytes = 0;  // 0: the kernel's default, half of the memory
  mode_t mode = 01777;
  friend bool operator==(const TmpfsMount&, const TmpfsMount&) = default;
};

// A file that exists in memory only, such as a secret or a generated script.
struct FileMount {
  base::ImagePath target;
  std::string content;
  mode_t mode = 0400;
  uid_t uid = 0;
  gid_t gid = 0;
  Access access = Access::kReadOnly;
  friend bool operator==(const FileMount&, const FileMount&) = default;
};

using MountEntry = std::variant<BindMount, OverlayMount, TmpfsMount, FileMount, DeviceMount>;

enum class NetworkMode {
  kHost,  // the network of the machine
  kNone,  // a network of its own with nothing but loopback
  // A network behind pasta or slirp4netns (network.h says whether one is there) that the steps of
  // one helper share. Where it can't be had, the machine's, and the result has a notice.
  kUser,
};

// A program that gives a network namespace a way out without privileges; see network.h.
struct UserNetwork {
  enum class Tool { kPasta, kSlirp4netns };
  Tool tool = Tool::kPasta;
  std::string program;  // absolute
  // An address inside the network that answers name queries with the machine's resolver: what
  // resolv.conf must name where the machine's own names a loopback address.
  std::string name_server;
  friend bool operator==(const UserNetwork&, const UserNetwork&) = default;
};

enum class SecurityMode {
  kSandbox,   // Docker's defaults: capabilities, seccomp filter, masked and read-only paths
  kInsecure,  // all capabilities that we have, no filter, nothing masked, /sys writable
};

struct ResourceLimit {
  int resource;        // RLIMIT_*
  std::uint64_t soft;  // RLIM_INFINITY for no limit
  std::uint64_t hard;
  friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

// Limits of control groups. Where the machine gives us none, the step runs without them and the
// result has a notice for each.
struct CgroupLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_and_swap_bytes;  // not less than memory_bytes
  std::optional<std::uint64_t> cpu_quota_us;           // of each period
  std::uint64_t cpu_period_us = 100'000;
  std::optional<std::uint64_t> cpu_shares;  // Docker's scale: 2 to 262144, 1024 is normal
  std::string cpuset_cpus;                  // "0-2,4"; empty: all
  std::string cpuset_mems;
  std::optional<std::uint64_t> pids_max;
  std::string parent;  // name below which the group is made; empty: ours
  friend bool operator==(const CgroupLimits&, const CgroupLimits&) = default;
  bool empty() const {
    return !memory_bytes && !memory_and_swap_bytes && !cpu_quota_us && !cpu_shares &&
           cpuset_cpus.empty() && cpuset_mems.empty() && !pids_max && parent.empty();
  }
};

struct TerminalSize {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

// A program of the host that a runtime calls at a stage of a container's life, as the OCI runtime
// specification has it.
struct OciHook {
  std::string stage;  // "createContainer"
  std::string path;
  std::vector<std::string> arguments;  // with argv[0]
  std::vector<std::string> environment;
  std::optional<int> timeout_s;
  friend bool operator==(const OciHook&, const OciHook&) = default;
};

// The program that runs the step in our place: crun, runc, or what takes the same arguments.
struct OciRuntime {
  std::string program;  // absolute
  // The filter as `linux.seccomp` of a config.json; nothing: Docker's default for the capabilities
  // of the step; empty: none.
  std::optional<std::string> seccomp;
  std::vector<OciHook> hooks;
  friend bool operator==(const OciRuntime&, const OciRuntime&) = default;
};

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary, as they shall be
  friend bool operator==(const UserIds&, const UserIds&) = default;
};

struct SandboxSpec {
  std::variant<OverlayRoot, PlainRoot> root;
  // Mounted in the order of their targets (a directory before what lies below it), targets that are
  // equal in the order given. A target equal to one of the standard mounts replaces it.
  std::vector<MountEntry> mounts;

  std::vector<std::string>
      argv;  // argv[0] is looked up on the PATH of `environment` inside the root
  std::vector<std::string> environment;  // "NAME=value", handed over exactly
  base::ImagePath working_directory;     // must exist
  UserIds user;

  std::string hostname;                    // empty: the machine's
  std::optional<std::string> hosts;        // content of /etc/hosts; nothing: the image's own
  std::optional<std::string> resolv_conf;  // likewise /etc/resolv.conf
  // What it is where the step gets the network of `user_network`; nothing: the same.
  std::optional<std::string> resolv_conf_behind_network;
  std::optional<TerminalSize> terminal;  // the step's stdin, stdout, stderr are a new terminal

  NetworkMode network = NetworkMode::kHost;
  std::optional<UserNetwork> user_network;  // what NetworkMode::kUser uses; must be there then
  SecurityMode security = SecurityMode::kSandbox;
  // Of root in the sandbox, as far as we have them; other users have none. kInsecure has all.
  std::uint64_t capabilities = kDefaultCapabilities;
  bool no_new_privileges = false;
  // A filter of compile_seccomp (seccomp_filter.h) in place of Docker's default; empty: none.
  // SecurityMode::kInsecure has none in any case.
  std::optional<std::string> seccomp;
  std::vector<ResourceLimit> resource_limits;  // others are as in the owner
  CgroupLimits cgroup;
  std::uint64_t shm_size_bytes = std::uint64_t{64} << 20;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<OciRuntime> runtime;  // nothing: the sandbox is our own

  friend bool operator==(const SandboxSpec&, const SandboxSpec&) = default;
};

}  // namespace slipway::builder
