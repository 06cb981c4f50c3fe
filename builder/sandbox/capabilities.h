#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::builder {

// What Docker leaves to a container: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
// setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
inline constexpr std::uint64_t kDefaultCapabilities = 0xa80425fb;

// The same without sys_chroot and mknod: what is left where a root directory is all that keeps a
// step in. Also nothing that was added to Docker's.
inline constexpr std::uint64_t kChrootCapabilities = 0xa00025fb & kDefaultCapabilities;

// The number of a capability by its name in capitals, as "CAP_NET_ADMIN".
std::optional<unsigned> find_capability(std::string_view name);

// The names of those that have one.
std::vector<std::string> capability_names(std::uint64_t capabilities);

// Those that this process may use.
std::uint64_t permitted_capabilities();

// Takes all others out of the bounding set, for ever. Needs CAP_SETPCAP.
void limit_bounding_set(std::uint64_t capabilities);

// Permitted and effective become the given ones (of those that are permitted now), inheritable and
// with it ambient become empty.
void set_capabilities(std::uint64_t capabilities);

}  // namespace slipway::builder
