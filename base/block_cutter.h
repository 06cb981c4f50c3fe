#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/block_compressor.h"

namespace slipway::base::codec {

// Finds where a block ends, while its bytes come.
class BlockCutter {
 public:
  // `block`: all that there is of it. Where it ends, if it does; what was there the time before is
  // not looked at again.
  std::optional<std::size_t> find_end(std::string_view block);
  // A new block begins.
  void reset() { looked_ = kLookFrom; }

 private:
  static constexpr std::size_t kUnitBytes = 512;
  static constexpr std::size_t kLookFrom = kBlockBytesMin - kUnitBytes;
  std::size_t looked_ = kLookFrom;
};

}  // namespace slipway::base::codec
