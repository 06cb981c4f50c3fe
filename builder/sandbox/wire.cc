#include "builder/sandbox/wire.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace slipway::builder {

// One function per struct, found by its argument's namespace. They list every member: the test that
// sends a spec with nothing left at its default checks that.
template <typename Archive>
void members(Archive& archive, OverlayRoot& value) {
  archive(value.lowers, value.upper, value.work, value.stubs);
}
template <typename Archive>
void members(Archive& archive, PlainRoot& value) {
  archive(value.directory, value.access);
}
template <typename Archive>
void members(Archive& archive, BindMount& value) {
  archive(value.source, value.subpath, value.target, value.access, value.attributes);
}
template <typename Archive>
void members(Archive& archive, OverlayMount& value) {
  archive(value.layers, value.subpath, value.target);
}
template <typename Archive>
void members(Archive& archive, TmpfsMount& value) {
  archive(value.target, value.size_bytes, value.mode);
}
template <typename Archive>
void members(Archive& archive, FileMount& value) {
  archive(value.target, value.content, value.mode, value.uid, value.gid, value.access);
}
template <typename Archive>
void members(Archive& archive, DeviceMount& value) {
  archive(value.source, value.target, value.type, value.major_number, value.minor_number,
          value.mode, value.uid, value.gid);
}
template <typename Archive>
void members(Archive& archive, OciHook& value) {
  archive(value.stage, value.path, value.arguments, value.environment, value.timeout_s);
}
template <typename Archive>
void members(Archive& archive, OciRuntime& value) {
  archive(value.program, value.seccomp, value.hooks);
}
template <typename Archive>
void members(Archive& archive, UserIds& value) {
  archive(value.uid, value.gid, value.groups);
}
template <typename Archive>
void members(Archive& archive, TerminalSize& value) {
  archive(value.rows, value.columns);
}
template <typename Archive>
void members(Archive& archive, ResourceLimit& value) {
  archive(value.resource, value.soft, value.hard);
}
template <typename Archive>
void members(Archive& archive, SandboxSpec& value) {
  archive(value.root, value.mounts, value.argv, value.environment, value.working_directory,
          value.user, value.hostname, value.hosts, value.resolv_conf,
          value.resolv_conf_behind_network, value.terminal, value.network, value.user_network,
          value.security, value.capabilities, value.no_new_privileges, value.seccomp,
          value.resource_limits, value.cgroup, value.shm_size_bytes, value.timeout, value.runtime);
}
template <typename Archive>
void members(Archive& archive, MadeStub& value) {
  archive(value.path, value.is_directory);
}
template <typename Archive>
void members(Archive& archive, CopiedParent& value) {
  archive(value.path, value.mode, value.uid, value.gid);
}
template <typename Archive>
void members(Archive& archive, StepUsage& value) {
  archive(value.user_us, value.system_us, value.max_rss_bytes);
}

namespace report {

template <typename Archive>
void members(Archive& archive, Failed& value) {
  archive(value.kind, value.error_number, value.message, value.hint, value.notes);
}
template <typename Archive>
void members(Archive& archive, Made& value) {
  archive(value.stubs, value.parents);
}
template <typename Archive>
void members(Archive&, Terminal&) {}
template <typename Archive>
void members(Archive& archive, Notice& value) {
  archive(value.text);
}
template <typename Archive>
void members(Archive& archive, NotExecuted& value) {
  archive(value.code, value.message);
}
template <typename Archive>
void members(Archive& archive, CommandEnded& value) {
  archive(value.wait_status, value.files_are_final);
}
template <typename Archive>
void members(Archive& archive, Done& value) {
  archive(value.wait_status, value.usage, value.out_of_memory, value.used_fuse);
}

}  // namespace report

namespace {

constexpr std::size_t kDescriptorsMax = 8;

union ControlBuffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> bytes;
};

std::vector<base::Fd> descriptors_of(msghdr& message) {
  std::vector<base::Fd> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + index * sizeof number, sizeof number);
      descriptors.emplace_back(number);
    }
  }
  return descriptors;
}

}  // namespace

report::Failed failed_report(const base::Error& error) {
  return {error.kind(), error.error_number(), error.message(), error.hint(), error.notes()};
}

base::Error error_of(report::Failed failed) {
  base::Error error = base::Error(failed.kind, std::move(failed.message), failed.error_number)
                          .with_hint(std::move(failed.hint));
  for (std::string& note : failed.notes) {
    error.add_note(std::move(note));
  }
  return error;
}

bool send_report(const base::Fd& socket, const Report& report, const base::Fd* descriptor) {
  std::vector<int> descriptors;
  if (descriptor != nullptr) {
    descriptors.push_back(descriptor->get());
  }
  return send_packet(socket, encode_report(report), descriptors);
}

std::string encode_report(const Report& report) {
  return to_bytes(report);
}

Report parse_report(std::string_view bytes) {
  return from_bytes<Report>(bytes);
}

Packet receive_packet(const base::Fd& socket) {
  Packet packet;
  // Not initialised: most packets are a hundredth of it, and fresh memory is dear.
  auto buffer = std::make_unique_for_overwrite<char[]>(kPacketBytesMax);
  iovec piece{buffer.get(), kPacketBytesMax};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno != ECONNRESET) {
    throw base::system_error(errno, "recvmsg", "sandbox socket");
  }
  if (size >= 0) {
    packet.descriptors = descriptors_of(message);
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    base::fail(base::ErrorKind::kInternal, "a sandbox message is too long");
  }
  std::size_t length = size < 0 ? 0 : static_cast<std::size_t>(size);
  packet.bytes.assign(buffer.get(), length);
  ::explicit_bzero(buffer.get(), length);  // secrets may be among them
  return packet;
}

bool send_packet(const base::Fd& socket, std::string_view bytes,
                 const std::vector<int>& descriptors) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size() * sizeof(int));
  }
  while (::sendmsg(socket.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET) {
      return false;
    }
    if (errno != EINTR) {
      throw base::system_error(errno, "sendmsg", "sandbox socket");
    }
  }
  return true;
}

std::string encode_spec(const SandboxSpec& spec) {
  return to_bytes(spec);
}

SandboxSpec decode_spec(std::string_view bytes) {
  return from_bytes<SandboxSpec>(bytes);
}

}  // namespace slipway::builder
