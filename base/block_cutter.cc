#include "base/block_cutter.h"

#include <isa-l.h>

namespace slipway::base::codec {

namespace {

// One unit in so many ends a block, so that four in ten end before the largest size. Seldom enough
// for large blocks, and, after a change, the cuts of two streams mostly fall together at the first
// one that both could have: that takes a least size below the usual distance.
constexpr std::uint32_t kUnitsMask = (1 << 11) - 1;

}  // namespace

std::optional<std::size_t> BlockCutter::find_end(std::string_view block) {
  while (looked_ + kUnitBytes <= block.size()) {
    const char* unit = block.data() + looked_;
    looked_ += kUnitBytes;
    // A unit of zeros, or of any other single byte, ends nothing (a test looks): such stretches are
    // cut at the largest size.
    bool ends = (crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(unit), kUnitBytes) &
                 kUnitsMask) == 0;
    if (ends || looked_ == kBlockBytesMax) {
      return looked_;
    }
  }
  return std::nullopt;
}

}  // namespace slipway::base::codec
