#include "builder/sandbox/subordinate_ids.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

std::optional<IdRange> parse_range(std::string_view line, std::string_view name, uid_t uid) {
  std::vector<std::string_view> fields = base::split(base::trim(line), ':');
  if (fields.size() != 3 || (fields[0] != name && fields[0] != cat(uid))) {
    return std::nullopt;
  }
  auto first = base::parse_integer<std::uint32_t>(fields[1]);
  auto count = base::parse_integer<std::uint32_t>(fields[2]);
  if (!first || !count || *count == 0) {
    return std::nullopt;
  }
  return IdRange{*first, *count};
}

// The numbers of a line of an id map, which the kernel pads with spaces.
std::vector<std::uint64_t> numbers_of(std::string_view line) {
  std::vector<std::uint64_t> numbers;
  for (std::string_view field : base::split(line, ' ')) {
    if (auto number = base::parse_integer<std::uint64_t>(field)) {
      numbers.push_back(*number);
    }
  }
  return numbers;
}

}  // namespace

std::vector<IdRange> subordinate_ranges(std::string_view file, std::string_view name, uid_t uid) {
  std::vector<IdRange> ranges;
  for (std::string_view line : base::split(file, '\n')) {
    if (std::optional<IdRange> range = parse_range(line, name, uid)) {
      ranges.push_back(*range);
    }
  }
  return ranges;
}

std::vector<std::string> map_arguments(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<std::string> arguments = {"0", cat(own), "1"};
  std::uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    arguments.insert(arguments.end(), {cat(inside), cat(range.first), cat(range.count)});
    inside += range.count;
  }
  return arguments;
}

std::uint64_t count_mapped_ids(std::string_view map) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;  // first inside, count
  for (std::string_view line : base::split(map, '\n')) {
    if (std::vector<std::uint64_t> numbers = numbers_of(line); numbers.size() == 3) {
      parts.emplace_back(numbers[0], numbers[2]);
    }
  }
  std::ranges::sort(parts);
  std::uint64_t count = 0;
  for (const auto& [first, length] : parts) {
    if (first != count) {
      break;
    }
    count += length;
  }
  return count;
}

}  // namespace slipway::builder
