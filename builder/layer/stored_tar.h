#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "base/stream.h"
#include "cache/content/ids.h"
#include "cache/store.h"

namespace slipway::builder {

// An uncompressed tar that lies in the store, in one blob or in pieces of several. Immutable; safe
// for many threads. It reads files that are open, so that nothing that happens to the store
// matters to it.
class StoredTar {
 public:
  struct Piece {
    base::Digest blob;
    std::shared_ptr<const base::Fd> file;
    std::uint64_t offset = 0;  // in the file
    std::uint64_t size = 0;    // not 0
  };
  explicit StoredTar(std::vector<Piece> pieces);

  const std::vector<Piece>& pieces() const { return pieces_; }
  std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  // The pieces that hold a range of it. Precondition: it lies inside (asserted).
  std::vector<Piece> cut(std::uint64_t offset, std::uint64_t size) const;

 private:
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ends_;  // of each piece, in the tar
};

// The bytes of some pieces, one after the other; `object` is what errors call them.
std::unique_ptr<base::Source> open_pieces(std::vector<StoredTar::Piece> pieces, std::string object);

// The layer's tar, if the store has it uncompressed: as a blob, or as a patch whose blobs are all
// here (they are held then). kIntegrity if the patch is damaged.
std::shared_ptr<const StoredTar> find_stored_tar(cache::Store& store, const cache::DiffId& diff_id);

// The layer's tar from whatever is here: uncompressed if it can be, else decompressed as it is
// read, ahead of the reader by a thread of its own where `ahead` says so. Null if no blob of it is
// here. What is read is held.
std::unique_ptr<base::Source> find_tar(cache::Store& store, const cache::DiffId& diff_id,
                                       bool ahead);
bool has_tar(cache::Store& store, const cache::DiffId& diff_id);

}  // namespace slipway::builder
