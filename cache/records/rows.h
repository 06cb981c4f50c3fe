// What the tables about layers and steps hold: plain values, the rows of Store::commit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cache/content/ids.h"

namespace slipway::cache {

// One layer that was ever seen. It may have no bytes here at all (pulled lazily).
struct LayerRow {
  DiffId diff_id;
  std::optional<ContentId> content_id;
  std::uint64_t tar_size = 0;              // uncompressed; 0 while unknown
  std::optional<base::Digest> index_blob;  // the list of its entries
  bool canonical = false;                  // the diff ID is of our canonical tar
  base::Timestamp created;                 // set by the store where it is 0
  friend bool operator==(const LayerRow&, const LayerRow&) = default;
};

enum class Compression { kNone, kGzip, kZstd };

// A blob that holds a layer. Its bytes may be here, or only at a BlobSource.
struct LayerBlobRow {
  DiffId diff_id;
  std::string encoder;  // who made the bytes: our encoder's id with its level, or "received"
  Compression compression = Compression::kNone;
  BlobInfo blob;
  std::string media_type;
  friend bool operator==(const LayerBlobRow&, const LayerBlobRow&) = default;
};
inline constexpr char kReceivedEncoder[] = "received";

// A layer whose tar is told as pieces of blobs: of the patch, which comes first, and of those that
// it takes from.
struct LayerPatchRow {
  DiffId diff_id;
  std::vector<base::Digest> blobs;
  friend bool operator==(const LayerPatchRow&, const LayerPatchRow&) = default;
};

// The blocks of which a compressed blob that is here is made, in the form of who made it. The row
// goes with the blob.
struct BlobBlocksRow {
  base::Digest digest;
  std::string blocks;
  friend bool operator==(const BlobBlocksRow&, const BlobBlocksRow&) = default;
};

// A registry's repository that has a blob: for lazy pulls and cross-repository mounts.
struct BlobSourceRow {
  base::Digest digest;
  std::string host;        // "registry-1.docker.io"
  std::string repository;  // "library/debian"
  friend bool operator==(const BlobSourceRow&, const BlobSourceRow&) = default;
};

// The result of a step. A step without a layer (it changed nothing) has neither diff ID nor content
// ID.
struct StepRecord {
  StepKey key;
  std::optional<DiffId> diff_id;
  std::optional<ContentId> content_id;
  base::Timestamp created;  // set by the store where it is 0
  std::int64_t duration_ns = 0;
  std::optional<base::Digest> log_blob;
  std::string family;  // the step without its inputs: lets a miss find what it was before
  std::string parts;   // the named parts of the key, in the key's own grammar
  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};

// The outline of a recorded step: the key that it would have without some of its parts, in the
// key's own grammar. Steps that differ only in these share it. It lives as long as the record.
struct StepOutlineRow {
  StepKey outline;
  StepKey key;
};

}  // namespace slipway::cache
