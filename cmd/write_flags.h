#pragma once

// How images are written for others: the flags that `push` and `save` have in common.

#include <string>

#include "builder/image/store_images.h"
#include "cmd/flags.h"

namespace slipway::cmd {

struct WriteFlags {
  std::string compression;  // gzip, zstd, none; empty: the verb's default
  std::string level;
  bool force = false;  // also layers that came compressed otherwise

  void add_to(Flags& flags);
  // kUsage for values that can't be understood. Threads are the caller's matter.
  builder::WriteOptions options(base::Compression compression_default) const;
};

}  // namespace slipway::cmd
