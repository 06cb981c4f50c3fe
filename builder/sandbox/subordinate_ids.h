#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::builder {

// A range of ids in a line of /etc/subuid or /etc/subgid: "<user name or number>:<first>:<count>".
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

// The user's ranges in the order of the file; lines that are no range are left out.
std::vector<IdRange> subordinate_ranges(std::string_view file, std::string_view name, uid_t uid);

// The arguments of newuidmap or newgidmap after the process id: `own` becomes 0, the ranges follow
// from 1 on.
std::vector<std::string> map_arguments(std::uint32_t own, const std::vector<IdRange>& ranges);

// From the text of /proc/<pid>/uid_map: how many ids 0,1,2... exist without a gap.
std::uint64_t count_mapped_ids(std::string_view map);

}  // namespace slipway::builder
