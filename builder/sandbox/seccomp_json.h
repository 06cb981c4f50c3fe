#pragma once

#include <cstdint>
#include <string_view>

#include "builder/sandbox/seccomp_filter.h"

namespace slipway::builder {

// A profile as a file in Docker's format, for a process with these capabilities on this machine:
// what `includes` and `excludes` say of capabilities, architectures and kernels is carried out
// here. kInput, naming the place, for what is no such file and for what filters here can't do:
// actions other than SCMP_ACT_ALLOW and SCMP_ACT_ERRNO, comparisons by order.
SeccompProfile parse_seccomp_profile(std::string_view json, std::uint64_t capabilities);

}  // namespace slipway::builder
