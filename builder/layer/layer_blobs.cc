#include "builder/layer/layer_blobs.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/block_compressor.h"
#include "base/text.h"
#include "builder/layer/block_reuse.h"
#include "builder/layer/layer_streams.h"

namespace slipway::builder {

namespace {

using base::cat;
using cache::DiffId;

// Compressed blobs of larger layers are read by pushes only, if at all: they stay out of the page
// cache.
constexpr std::uint64_t kCachedBytesMax = 32 << 20;

// Writes the layer compressed; returns the blocks as the store keeps them, if there are some.
std::string compress_layer(StoredLayers& layers, const DiffId& diff_id,
                           const base::CompressOptions& compress, base::Sink& out,
                           const std::stop_token& stop) {
  std::unique_ptr<base::BlockCompressor> blocks = base::make_block_compressor(out, compress);
  if (blocks == nullptr) {
    std::unique_ptr<base::Sink> compressor = base::make_compressor(out, compress);
    layers.write_tar(diff_id, *compressor, stop);
    return {};
  }
  cache::Store& store = layers.store();
  ReuseSources sources{&store, [&](const DiffId& layer) { return layers.find_index(layer); }};
  std::optional<cache::LayerRow> row = store.layers().find(diff_id);
  if (!row || !compress_from_sibling(sources, *row, base::encoder_id(compress), *blocks, stop)) {
    layers.write_tar(diff_id, *blocks, stop);
  }
  return serialise_blocks(blocks->blocks());
}

LayerBlob make_blob(StoredLayers& layers, const DiffId& diff_id,
                    const base::CompressOptions& compress, const BlobFollower& follower,
                    const std::stop_token& stop) {
  cache::Store& store = layers.store();
  std::optional<cache::LayerRow> row = store.layers().find(diff_id);
  bool is_large = row && row->tar_size >= kCachedBytesMax;
  std::unique_ptr<cache::BlobWriter> blob = store.blobs().write(
      cache::BlobStore::Hashing::kHere,
      is_large ? cache::BlobStore::Caching::kPassBy : cache::BlobStore::Caching::kKeep);
  ForkingSink fork(*blob, follower.bytes);
  std::string blocks = compress_layer(layers, diff_id, compress, fork, stop);
  cache::BlobInfo info = blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back(made_blob_row(diff_id, info, compress));
  if (!blocks.empty()) {
    batch.blob_blocks.push_back({info.digest, std::move(blocks)});
  }
  store.commit(batch);
  if (follower.ended) {
    follower.ended({info, compress.compression});
  }
  return {info, compress.compression};
}

}  // namespace

std::optional<LayerBlob> find_layer_blob(StoredLayers& layers, const DiffId& diff_id,
                                         const base::CompressOptions& compress,
                                         LayerStore::Received received) {
  cache::Store& store = layers.store();
  store.layers().hold(std::span(&diff_id, 1));
  std::string encoder = base::encoder_id(compress);
  cache::Compression compression = row_compression(compress.compression);
  bool any_plain = compress.compression == base::Compression::kNone;
  for (const cache::LayerBlobRow& row : store.layers().blobs(diff_id)) {
    bool is_received =
        row.encoder == cache::kReceivedEncoder && received == LayerStore::Received::kTake;
    bool fits =
        row.encoder == encoder || (row.compression == compression && (is_received || any_plain));
    if (fits && store.blobs().hold(row.blob.digest)) {
      return LayerBlob{row.blob, compression_of_row(row.compression)};
    }
  }
  return std::nullopt;
}

LayerBlob ensure_layer_blob(StoredLayers& layers, const DiffId& diff_id,
                            base::CompressOptions compress, LayerStore::Received received,
                            const BlobFollower& follower, const std::stop_token& stop) {
  compress.threads = std::max(compress.threads, layers.options().threads);
  NamedLocks::Held held =
      layers.making().lock(cat("blob ", diff_id.text(), " ", base::encoder_id(compress)), stop);
  std::optional<LayerBlob> found = find_layer_blob(layers, diff_id, compress, received);
  return found ? *found : make_blob(layers, diff_id, compress, follower, stop);
}

}  // namespace slipway::builder
