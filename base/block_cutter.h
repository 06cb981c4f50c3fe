#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::base::codec {

// One unit of 512 bytes in `units_each` (a power of two) may end a block.
struct BlockSizes {
  std::size_t min = 0;
  std::size_t max = 0;
  std::uint32_t units_each = 0;
};
// So that four in ten end before the largest size. Seldom enough for large blocks, and, after a
// change, the cuts of two streams mostly fall together at the first one that both could have: that
// takes a least size below the usual distance.
inline constexpr BlockSizes kGzipBlocks{512 << 10, 1 << 20, 1 << 11};
// zstd finds more when it looks further back: frames of 1 MiB would be 4 % larger than the whole,
// these are 1 %.
inline constexpr BlockSizes kZstdBlocks{2 << 20, 4 << 20, 1 << 13};

// Finds where a block ends, while its bytes come.
class BlockCutter {
 public:
  explicit BlockCutter(const BlockSizes& sizes) : sizes_(sizes), looked_(sizes.min - kUnitBytes) {}
  // `block`: all that there is of it. Where it ends, if it does; what was there the time before is
  // not looked at again.
  std::optional<std::size_t> find_end(std::string_view block);
  // A new block begins.
  void reset() { looked_ = sizes_.min - kUnitBytes; }

 private:
  static constexpr std::size_t kUnitBytes = 512;
  BlockSizes sizes_;
  std::size_t looked_;
};

}  // namespace slipway::base::codec
