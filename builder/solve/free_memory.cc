#include "builder/solve/free_memory.h"

#include <algorithm>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

constexpr std::uint64_t kReserveBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kReservePart = 10;
constexpr std::int64_t kAnswerNs = 50'000'000;
constexpr std::size_t kFileBytesMax = 64 * 1024;

// The number after `name` at the beginning of a line.
std::optional<std::uint64_t> find_number(std::string_view text, std::string_view name) {
  for (std::string_view line : base::split(text, '\n')) {
    if (line.starts_with(name)) {
      std::string_view rest = base::trim(line.substr(name.size()));
      return base::parse_integer<std::uint64_t>(rest.substr(0, rest.find(' ')));
    }
  }
  return std::nullopt;
}

std::string text_of(const MemoryGroup& group, std::string_view name) {
  return base::find_file_content(base::cat(group.directory, "/", name), kFileBytesMax).value_or("");
}

std::optional<MemoryState> memory_of(const MemoryGroup& group) {
  return group.is_unified
             ? parse_group_memory(text_of(group, "memory.max"), text_of(group, "memory.current"),
                                  text_of(group, "memory.stat"))
             : parse_group_memory(text_of(group, "memory.limit_in_bytes"),
                                  text_of(group, "memory.usage_in_bytes"),
                                  text_of(group, "memory.stat"));
}

bool is_any_low(const std::vector<MemoryGroup>& groups) {
  std::optional<MemoryState> machine =
      parse_meminfo(base::find_file_content("/proc/meminfo", kFileBytesMax).value_or(""));
  return (machine && machine->is_low()) ||
         std::ranges::any_of(groups, [](const MemoryGroup& group) {
           std::optional<MemoryState> memory = memory_of(group);
           return memory && memory->is_low();
         });
}

}  // namespace

bool MemoryState::is_low() const {
  return available < std::max(total / kReservePart, std::min(kReserveBytes, total / 2));
}

std::optional<MemoryState> parse_meminfo(std::string_view text) {
  constexpr std::uint64_t kKilobyte = 1024;
  std::optional<std::uint64_t> total = find_number(text, "MemTotal:");
  std::optional<std::uint64_t> available = find_number(text, "MemAvailable:");
  if (!total || !available) {
    return std::nullopt;
  }
  return MemoryState{*total * kKilobyte, *available * kKilobyte};
}

std::optional<MemoryState> parse_group_memory(std::string_view limit, std::string_view usage,
                                              std::string_view stat) {
  // "max" in version 2; a number beyond all memory in version 1.
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;
  auto total = base::parse_integer<std::uint64_t>(base::trim(limit));
  auto used = base::parse_integer<std::uint64_t>(base::trim(usage));
  if (!total || *total >= kUnlimited || !used) {
    return std::nullopt;
  }
  std::uint64_t idle = find_number(stat, "total_inactive_file ")
                           .value_or(find_number(stat, "inactive_file ").value_or(0));
  std::uint64_t needed = *used - std::min(idle, *used);
  return MemoryState{*total, *total - std::min(needed, *total)};
}

bool FreeMemory::is_low() {
  std::int64_t now = clock_->steady_ns();
  auto answer = answer_.lock();
  if (!answer->asked_ns) {
    answer->groups = find_groups_();
  }
  if (!answer->asked_ns || now - *answer->asked_ns > kAnswerNs) {
    answer->is_low = is_any_low(answer->groups);
    answer->asked_ns = now;
  }
  return answer->is_low;
}

}  // namespace slipway::builder
