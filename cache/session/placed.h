#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/digest.h"

namespace slipway::cache {

// Sizes by digest, of what was placed and has no row yet.
struct Placed {
  std::map<base::Digest, std::uint64_t> blobs;
  std::map<base::Digest, std::uint64_t> trees;
  std::map<base::Digest, base::Digest> aliases;  // of blobs, to their SHA-256
  // Of blobs among these, or with a row; as blob_checks has them. Nobody waits for them to be
  // written.
  std::map<base::Digest, std::string> checks;
  bool empty() const { return blobs.empty() && trees.empty() && aliases.empty(); }
};

}  // namespace slipway::cache
