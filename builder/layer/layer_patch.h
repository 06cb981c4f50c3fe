#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/stored_tar.h"

// A new layer that has most of its tar in common with an older one is stored as a patch: the bytes
// that are new, and where the others stand in blobs that are here already. One changed file of a
// large COPY costs that file, not another copy of them all.
//
// A patch's blob: the new bytes, then the table, then its length (fixed32) and a magic word.
//   table: number of other blobs and their digests (32 raw bytes each); number of pieces, and of
//   each: blob (0: this one, n: the nth of the others), offset, size.
// (see layer/binary.h for the numbers)
//
// A patch never builds on a patch: it takes from what that one takes from.

namespace slipway::builder {

// A range of the new tar that the older one has, too.
struct CommonRange {
  std::uint64_t offset = 0;
  std::uint64_t older_offset = 0;
  std::uint64_t size = 0;
  friend bool operator==(const CommonRange&, const CommonRange&) = default;
};

// A piece of the new tar: in the patch's own blob (0) or in the nth of the others.
struct PatchPiece {
  std::size_t blob = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct PatchPlan {
  std::uint64_t tar_size = 0;
  std::vector<CommonRange> common;  // in order, no two touch
  std::vector<base::Digest> other_blobs;
  std::vector<PatchPiece> pieces;  // the whole new tar
};

// What writing the layer would have in common with the tar whose entries are `older`; nothing where
// a patch is not worth it: most of the tar is new, it is small, it would be in too many pieces or
// keep blobs from pruning of which little is used, or has hard links. Digests that the entries have
// are believed; an entry without one is new.
std::optional<PatchPlan> plan_patch(const LayerEntries& layer, const LayerIndex& older,
                                    const StoredTar& older_tar);

// Takes the whole new tar, hands on what is new and compares the rest with what the older tar has
// there. Plan, older tar and `own` outlive it; finish() does not finish `own`, and is kInternal if
// the tar has another size than was planned.
class PatchSink : public base::Sink {
 public:
  PatchSink(const PatchPlan& plan, const StoredTar& older, base::Sink& own)
      : plan_(&plan), older_(&older), own_(&own) {}
  void write(std::string_view bytes) override;
  void finish() override;
  // The plan was wrong: a file changed and does not look it, or the older tar is damaged. Then the
  // patch is none.
  bool differs() const { return differs_; }

 private:
  void compare(const CommonRange& range, std::string_view bytes);

  const PatchPlan* plan_;
  const StoredTar* older_;
  base::Sink* own_;
  std::unique_ptr<base::Source> there_;  // the common range that place_ is in
  std::vector<char> buffer_;             // of there_
  bool differs_ = false;
  std::size_t next_ = 0;  // the first common range that is not over
  std::uint64_t place_ = 0;
};

// What follows the new bytes in the patch's blob.
std::string serialise_table(const PatchPlan& plan);

// The patch (the first blob) and what it takes from the others. Precondition: all are held.
// kIntegrity if it is damaged or takes from blobs that are not named.
std::shared_ptr<const StoredTar> open_patch(cache::Store& store,
                                            const std::vector<base::Digest>& blobs);

}  // namespace slipway::builder
