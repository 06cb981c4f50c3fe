#include "builder/layer/tar_sparse.h"

#include "base/text.h"

namespace slipway::builder::tar {

namespace {

constexpr std::size_t kNumberBytes = 12;

}  // namespace

bool is_valid_map(std::span<const Extent> map, std::uint64_t file_size) {
  std::uint64_t end = 0;
  for (const Extent& extent : map) {
    if (extent.offset < end || extent.offset > file_size ||
        extent.size > file_size - extent.offset) {
      return false;
    }
    end = extent.offset + extent.size;
  }
  return true;
}

std::uint64_t stored_size(std::span<const Extent> map) {
  std::uint64_t size = 0;
  for (const Extent& extent : map) {
    size += extent.size;
  }
  return size;
}

std::optional<std::vector<Extent>> parse_old_extents(std::string_view bytes) {
  std::vector<Extent> map;
  while (bytes.size() >= 2 * kNumberBytes && bytes.front() != '\0') {
    std::optional<std::int64_t> offset = number_of(bytes.substr(0, kNumberBytes));
    std::optional<std::int64_t> size = number_of(bytes.substr(kNumberBytes, kNumberBytes));
    if (!offset || !size || *offset < 0 || *size < 0) {
      return std::nullopt;
    }
    map.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size)});
    bytes.remove_prefix(2 * kNumberBytes);
  }
  return map;
}

std::optional<std::vector<Extent>> parse_map_text(std::string_view text, std::size_t limit) {
  std::vector<Extent> map;
  if (text.empty()) {
    return map;
  }
  bool is_offset = true;
  for (std::string_view part : base::split(text, ',')) {
    std::optional<std::uint64_t> number = base::parse_integer<std::uint64_t>(part);
    if (!number || map.size() > limit) {
      return std::nullopt;
    }
    if (is_offset) {
      map.push_back({*number, 0});
    } else {
      map.back().size = *number;
    }
    is_offset = !is_offset;
  }
  if (!is_offset) {
    return std::nullopt;  // an offset without its size
  }
  return map;
}

}  // namespace slipway::builder::tar
