#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "builder/layer/tar_format.h"

namespace slipway::builder::tar {

// Where the stored bytes of a sparse file belong; between them are zeros.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// A map must ascend, not overlap, and lie within the file.
bool is_valid_map(std::span<const Extent> map, std::uint64_t file_size);
std::uint64_t stored_size(std::span<const Extent> map);

// Pieces in a block of the old GNU form (four in a header, 21 in a block that follows), up to the
// first empty one; nothing if a number is damaged.
std::optional<std::vector<Extent>> parse_old_extents(std::string_view bytes);

// pax 0.1: "offset,size,offset,size". Nothing if damaged or longer than `limit`.
std::optional<std::vector<Extent>> parse_map_text(std::string_view text, std::size_t limit);

}  // namespace slipway::builder::tar
