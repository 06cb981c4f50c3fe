#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "builder/sandbox/archive.h"
#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/spec.h"

// The talk between owner, helper and step. All sockets are SOCK_SEQPACKET: one message, one packet.
//
//   control socket   owner -> helper   one launch packet per step: the bytes of a Launch, then the
//                                      bytes of the SandboxSpec (or, where they are too long for a
//                                      packet, nothing but a memory file with them), and as
//                                      descriptors the step's socket and its stdin, stdout, stderr
//   step socket      owner -> helper   signal numbers (a kill is number 9)
//                    step -> owner     reports of the set-up; the init's report of the command, the
//                                      last one of the step
//                    helper -> owner   Done, the last packet
//
// Descriptor number 3 of a fresh helper is its control socket.

namespace slipway::builder {

inline constexpr int kControlDescriptor = 3;
// argv of a helper; what `ps` shows inside a step for its pid 1.
inline constexpr const char* kHelperName = "slipway-init";
inline constexpr const char* kHelperArgument = "sandbox-helper";
// The second word of our program where it is a hook of a container; the third is the root, the
// fourth the attributes that it gets.
inline constexpr const char* kContainerHookArgument = "container-hook";
// Kept well below the default socket buffer of 208 KiB.
inline constexpr std::size_t kPacketBytesMax = 64 * 1024;

// What the helper itself needs to know about a step; the rest is for the step. A packet with
// nothing else and without descriptors tells of a step that is still to come.
struct Launch {
  NetworkMode network = NetworkMode::kHost;
  std::optional<UserNetwork> user_network;
  SecurityMode security = SecurityMode::kSandbox;
  CgroupLimits cgroup;
  OverlayDriver overlay = OverlayDriver::kAuto;
  bool spec_in_file = false;
  // The root is plain and has all that the step needs; there are no namespaces (chroot_process.h).
  bool only_chroot = false;
  bool has_runtime = false;
};

// A mount point that had to be made in the upper directory (or plain root), and an upper directory
// that exists only because one was made below it: what the owner takes away after the step.
struct MadeStub {
  base::ImagePath path;
  bool is_directory = false;
};
struct CopiedParent {
  base::ImagePath path;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

namespace report {

struct Failed {
  base::ErrorKind kind = base::ErrorKind::kSystem;
  int error_number = 0;
  std::string message;
  std::string hint;
  std::vector<std::string> notes;
};
struct Made {
  std::vector<MadeStub> stubs;
  std::vector<CopiedParent> parents;
};
struct Terminal {};  // carries a descriptor
struct Notice {
  std::string text;
};
struct NotExecuted {
  int code = 127;
  std::string message;
};
// From the step's init, which does nothing to the step's files any more and then exits.
struct CommandEnded {
  int wait_status = 0;
  // All processes of the step but the init are dead, and neither its mounts, which go away with the
  // init, nor whoever serves them will write: what the step wrote can be read where it lies. False
  // where this is not known before Done.
  bool files_are_final = false;
};
struct Done {
  int wait_status = 0;  // of pid 1
  StepUsage usage;
  bool out_of_memory = false;
  bool used_fuse = false;  // the upper directory has the marks of fuse-overlayfs
};

}  // namespace report

using Report = std::variant<report::Failed, report::Made, report::Terminal, report::Notice,
                            report::NotExecuted, report::CommandEnded, report::Done>;

report::Failed failed_report(const base::Error& error);
base::Error error_of(report::Failed failed);

// A step socket's message. False if the other end is gone.
bool send_report(const base::Fd& socket, const Report& report,
                 const base::Fd* descriptor = nullptr);

std::string encode_report(const Report& report);
Report parse_report(std::string_view bytes);

struct Packet {
  std::string bytes;  // empty at the end of the conversation
  std::vector<base::Fd> descriptors;
};
Packet receive_packet(const base::Fd& socket);
// Waits for room; false if the other end is gone (EPIPE, ECONNRESET).
bool send_packet(const base::Fd& socket, std::string_view bytes,
                 const std::vector<int>& descriptors);

std::string encode_spec(const SandboxSpec& spec);
SandboxSpec decode_spec(std::string_view bytes);

template <typename Archive>
void members(Archive& archive, UserNetwork& value) {
  archive(value.tool, value.program, value.name_server);
}
template <typename Archive>
void members(Archive& archive, CgroupLimits& value) {
  archive(value.memory_bytes, value.memory_and_swap_bytes, value.cpu_quota_us, value.cpu_period_us,
          value.cpu_shares, value.cpuset_cpus, value.cpuset_mems, value.pids_max, value.parent);
}
template <typename Archive>
void members(Archive& archive, Launch& value) {
  archive(value.network, value.user_network, value.security, value.cgroup, value.overlay,
          value.spec_in_file, value.only_chroot, value.has_runtime);
}

}  // namespace slipway::builder
