#pragma once

#include <cstdint>

namespace slipway::builder {

// What Docker leaves to a container: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
// setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
inline constexpr std::uint64_t kDefaultCapabilities = 0xa80425fb;

// Those that this process may use.
std::uint64_t permitted_capabilities();

// Takes all others out of the bounding set, for ever. Needs CAP_SETPCAP.
void limit_bounding_set(std::uint64_t capabilities);

// Permitted and effective become the given ones (of those that are permitted now), inheritable and
// with it ambient become empty.
void set_capabilities(std::uint64_t capabilities);

}  // namespace slipway::builder
