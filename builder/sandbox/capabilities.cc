#include "builder/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

// Version 3 hands 64 capabilities over in two halves. The calls are made directly: libcap would
// allocate between fork and exec.
struct Sets {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> halves{};
};

}  // namespace

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
