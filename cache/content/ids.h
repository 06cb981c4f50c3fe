#pragma once

#include "base/digest.h"

namespace slipway::cache {

// The digest of a layer's uncompressed tar: the layer's name everywhere.
using DiffId = base::TypedDigest<struct DiffIdTag>;
// The digest of a layer's entries without their times: what two layers of equal content share.
using ContentId = base::TypedDigest<struct ContentIdTag>;
// What a step's result is looked up by.
using StepKey = base::TypedDigest<struct StepKeyTag>;
// The digest of an image's config document.
using ImageId = base::TypedDigest<struct ImageIdTag>;

// A stored blob: the digest and the number of its bytes.
struct BlobInfo {
  base::Digest digest;
  std::uint64_t size = 0;
  friend bool operator==(const BlobInfo&, const BlobInfo&) = default;
};

}  // namespace slipway::cache
