#include "base/block_cutter.h"

#include <isa-l.h>

namespace slipway::base::codec {

std::optional<std::size_t> BlockCutter::find_end(std::string_view block) {
  while (looked_ + kUnitBytes <= block.size()) {
    const char* unit = block.data() + looked_;
    looked_ += kUnitBytes;
    // A unit of zeros, or of any other single byte, ends nothing (a test looks): such stretches are
    // cut at the largest size.
    bool ends = (crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(unit), kUnitBytes) &
                 (sizes_.units_each - 1)) == 0;
    if (ends || looked_ == sizes_.max) {
      return looked_;
    }
  }
  return std::nullopt;
}

}  // namespace slipway::base::codec
