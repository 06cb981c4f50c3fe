#include "builder/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

// By number.
constexpr std::array<std::string_view, 41> kNames = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

// Version 3 hands 64 capabilities over in two halves. The calls are made directly: libcap would
// allocate between fork and exec.
struct Sets {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> halves{};
};

}  // namespace

std::optional<unsigned> find_capability(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  return found == kNames.end() ? std::nullopt
                               : std::optional(static_cast<unsigned>(found - kNames.begin()));
}

std::vector<std::string> capability_names(std::uint64_t capabilities) {
  std::vector<std::string> names;
  for (std::size_t number = 0; number < kNames.size(); ++number) {
    if ((capabilities >> number & 1) != 0) {
      names.emplace_back(kNames[number]);
    }
  }
  return names;
}

std::uint64_t permitted_capabilities() {
  Sets sets;
  base::check([&] { return ::syscall(SYS_capget, &sets.header, sets.halves.data()); }, "capget");
  return sets.halves[0].permitted | std::uint64_t{sets.halves[1].permitted} << 32;
}

void limit_bounding_set(std::uint64_t capabilities) {
  for (unsigned long number = 0; number < 64; ++number) {
    if ((capabilities >> number & 1) != 0) {
      continue;
    }
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      if (errno == EINVAL) {
        return;  // the kernel knows no capability of this number, nor a higher one
      }
      throw base::system_error(errno, "prctl PR_CAPBSET_DROP", base::cat(number));
    }
  }
}

void set_capabilities(std::uint64_t capabilities) {
  std::uint64_t wanted = capabilities & permitted_capabilities();
  Sets sets;
  for (std::size_t half = 0; half < sets.halves.size(); ++half) {
    auto bits = static_cast<std::uint32_t>(wanted >> (32 * half));
    sets.halves[half].permitted = bits;
    sets.halves[half].effective = bits;
  }
  base::check([&] { return ::syscall(SYS_capset, &sets.header, sets.halves.data()); }, "capset");
}

}  // namespace slipway::builder
