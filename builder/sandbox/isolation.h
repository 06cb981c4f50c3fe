#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "builder/sandbox/rootless.h"

namespace slipway::builder {

// The names of --isolation: "auto", "root", "rootless", "sub-ids", "one-id", "chroot", and "oci",
// which is kAuto with an OCI runtime in it. Nothing for any other.
std::optional<Isolation> parse_isolation(std::string_view text);
inline constexpr std::string_view kIsolationNames =
    "auto, root, rootless, sub-ids, one-id, chroot or oci";

// One line that says how steps are kept in, and why not better: "without root, 65536 ids, overlay
// of the kernel". Asks the kernel what it can do.
std::string describe_isolation(const UserNamespace& entered);

}  // namespace slipway::builder
