#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/fd.h"

namespace slipway::cache {

// The bytes on disk of `name` and everything below it; 0 if it is not there. Follows no link, and
// counts a file with several names once for each. Whoever owns the tree may change it meanwhile:
// what disappears or may not be read does not count. Any depth; one descriptor at a time.
std::uint64_t disk_usage(const base::Fd& directory, const std::string& name, std::stop_token stop);

}  // namespace slipway::cache
