#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"

// So that steps side by side do not exhaust the machine: while memory is low, no step is begun
// beside another one. What one step alone needs is its own affair (and that of --memory).

namespace slipway::builder {

struct MemoryState {
  std::uint64_t total = 0;      // bytes
  std::uint64_t available = 0;  // bytes; what the kernel could give without swapping
  // A tenth of it all, or 256 MiB of a small machine, is left to others.
  bool is_low() const;
  friend bool operator==(const MemoryState&, const MemoryState&) = default;
};

// The text of /proc/meminfo; nothing if it does not say.
std::optional<MemoryState> parse_meminfo(std::string_view text);

// What a control group may use and uses. `limit` and `usage` are the texts of memory.max and
// memory.current (or of version 1's memory.limit_in_bytes and memory.usage_in_bytes), `stat` that
// of memory.stat: pages of files that nobody used lately count as free. Nothing if there is no
// limit.
std::optional<MemoryState> parse_group_memory(std::string_view limit, std::string_view usage,
                                              std::string_view stat);

// Where the memory of a control group is told.
struct MemoryGroup {
  std::string directory;  // host path
  bool is_unified = false;
};

// Asks the machine and the groups, and believes the answer for a short time. Any thread.
class FreeMemory {
 public:
  // `find_groups` is called once, when memory is first asked for; `clock` is owned by the caller.
  FreeMemory(std::function<std::vector<MemoryGroup>()> find_groups, const base::Clock& clock)
      : find_groups_(std::move(find_groups)), clock_(&clock) {}
  bool is_low();

 private:
  struct Answer {
    bool is_low = false;
    std::optional<std::int64_t> asked_ns;
    std::vector<MemoryGroup> groups;
  };

  std::function<std::vector<MemoryGroup>()> find_groups_;
  const base::Clock* clock_;
  base::Guarded<Answer> answer_;
};

}  // namespace slipway::builder
