#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_compressor.h"
#include "base/fd.h"
#include "builder/layer/canonical_tar.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/layer_patch.h"
#include "cache/store.h"

// One changed file of a large COPY makes a new layer, whose blob has another digest; but nearly all
// of its bytes were compressed before, for the layer that the step made the last time. Here they
// are found and taken from that layer's blob.
//
// Nothing has to be hashed, or even read, to find them. The indexes of both layers say which
// stretches of the two tars are equal (the same entries with the same digests). Where a block of
// the older blob lies in such a stretch, and one of the new blob begins at the same byte, they are
// the same block (base/block_compressor.h). What lies between is read, compared with the digests of
// the index, and compressed; it ends where the cuts of both fall together again. So the blob is the
// one that compressing all of the tar would have given, which tests compare.
//
// The store keeps of each blob the sizes and checksums of its blocks: some 20 bytes for each.

namespace slipway::builder {

// The blocks of a finished compressor as the store keeps them (but the last one, which ended where
// the tar did, and not where it says that it ends); empty where there is nothing worth keeping.
std::string serialise_blocks(std::span<const base::CompressedBlock> blocks);
// Nothing if it is damaged, or of another version.
std::optional<std::vector<base::CompressedBlock>> parse_blocks(std::string_view bytes);

// What two canonical tars have in common.
struct TarComparison {
  std::vector<CommonRange> common;    // in order, no two touch
  std::vector<std::uint64_t> starts;  // of the newer one's entries, then the end of the last
  std::uint64_t older_end = 0;        // of the older one's last entry
  bool has_digests = true;            // all files of the newer one with content
};
// Nothing where a few samples say that it is not worth while.
std::optional<TarComparison> compare_tars(const LayerIndex& newer, const LayerIndex& older);

// The blocks of an older blob, by where they would stand in the newer tar.
class OlderBlocks {
 public:
  struct Blob {
    std::span<const base::CompressedBlock> blocks;  // its first ones
    std::uint64_t first_offset = 0;                 // of them, in the file
    std::shared_ptr<const base::Fd> file;
  };
  OlderBlocks(std::vector<CommonRange> common, Blob blob);

  struct Found {
    base::CompressedBlock block;
    std::string_view compressed;  // until the next call
  };
  // The block that begins there. Bytes that are not what they were are not given, and none after
  // them.
  std::optional<Found> find(std::uint64_t place);
  // What find() would give, unless it is damaged.
  std::optional<base::CompressedBlock> expect(std::uint64_t place) const;
  bool is_damaged() const { return damaged_; }

 private:
  struct Placed {
    std::uint64_t place = 0;   // in the older tar
    std::uint64_t offset = 0;  // in the blob
    base::CompressedBlock block;
  };
  const Placed* find_placed(std::uint64_t place) const;
  bool read(const Placed& placed);
  void advise(std::uint64_t offset);

  std::vector<CommonRange> common_;
  std::vector<Placed> blocks_;
  std::shared_ptr<const base::Fd> blob_;
  std::vector<char> buffer_;
  std::uint64_t advised_ = 0;
  bool damaged_ = false;
};

// Writes the whole tar and finishes `out`.
void compress_tar(CanonicalTar& tar, OlderBlocks& older, base::BlockCompressor& out,
                  const std::stop_token& stop);

// Takes the whole of the newer tar, and gives on older blocks instead of what they stand for. The
// checksum of each is compared with that of the bytes, so that a file which changed and does not
// look it is compressed, and not taken for the older one. Memory: one block.
class ReusingSink : public base::Sink {
 public:
  // Both are owned by the caller. finish() finishes `out`.
  ReusingSink(OlderBlocks older, base::BlockCompressor& out)
      : older_(std::move(older)), out_(&out) {}
  void write(std::string_view bytes) override;
  void finish() override;
  const OlderBlocks& older() const { return older_; }

 private:
  void settle();

  OlderBlocks older_;
  base::BlockCompressor* out_;
  std::uint64_t place_ = 0;                        // in the tar: of the next byte
  std::optional<base::CompressedBlock> expected_;  // held_ is the beginning of it
  std::string held_;
};

// Where layers are looked up: `find_index` may give nothing.
struct ReuseSources {
  cache::Store* store;  // owned by the caller
  std::function<std::optional<LayerIndex>(const cache::DiffId& diff_id)> find_index;
};

// What a layer that is about to be written can take from the blob of a similar one; nothing where
// there is none, or little in common. Digests that the entries have are believed, with a checksum.
struct BlocksOfSimilar {
  base::Digest blob;
  OlderBlocks blocks;
};
std::optional<BlocksOfSimilar> find_blocks_of_similar(const ReuseSources& sources,
                                                      const LayerEntries& layer,
                                                      const cache::DiffId& similar,
                                                      std::string_view encoder);

// The layer as a whole: finds the blob of another layer that the same step made, and writes the tar
// to `out`, which is new, with what can be taken from there; finishes it. False, and nothing was
// written, where there is no such blob, or little in common.
bool compress_from_sibling(const ReuseSources& sources, const cache::LayerRow& layer,
                           std::string_view encoder, base::BlockCompressor& out,
                           const std::stop_token& stop);

}  // namespace slipway::builder
