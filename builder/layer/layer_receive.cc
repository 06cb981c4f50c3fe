#include "builder/layer/layer_receive.h"

#include "base/read_ahead.h"
#include "base/text.h"
#include "builder/layer/content_id.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/layer_streams.h"

namespace slipway::builder {

namespace {

using base::cat;

class Receiver {
 public:
  Receiver(cache::Store& store, const ReceivedBlob& received, const LayerStoreOptions& options,
           std::stop_token stop)
      : store_(store), received_(received), options_(options), stop_(std::move(stop)) {}

  ReceivedLayer run(std::unique_ptr<base::Source> blob) {
    blob_ = store_.blobs().write(received_.is_verified ? cache::BlobStore::Hashing::kByCaller
                                                       : cache::BlobStore::Hashing::kHere);
    auto watched = std::make_shared<std::unique_ptr<base::Source>>(std::move(blob));
    try {
      return read(std::make_unique<SharedSource>(watched));
    } catch (const base::Error& error) {
      // Bytes that can't be read are most often the wrong bytes: the digest, which is checked at
      // their end, says so better.
      if (error.kind() == base::ErrorKind::kInput && received_.digest) {
        drain(**watched);
      }
      throw;
    }
  }

 private:
  // The blob, which the reader below owns, stays in reach after that is gone.
  class SharedSource : public base::Source {
   public:
    explicit SharedSource(std::shared_ptr<std::unique_ptr<base::Source>> next)
        : next_(std::move(next)) {}
    std::size_t read(std::span<char> bytes) override { return (*next_)->read(bytes); }

   private:
    std::shared_ptr<std::unique_ptr<base::Source>> next_;
  };

  void drain(base::Source& blob) const {
    base::CountingSink nowhere;
    base::copy_stream(blob, nowhere, stop_);
  }

  ReceivedLayer read(std::unique_ptr<base::Source> blob) {
    std::unique_ptr<base::Source> plain = decompressed(std::move(blob));
    HashingSource tar(*plain);
    if (received_.make_tree) {
      stage_tree();
    }
    LayerIndex index = read_layer(tar,
                                  {.object = "the layer",
                                   .limits = options_.limits,
                                   .tree = tree_.get(),
                                   .leave_out_lower = true},
                                  stop_);
    cache::DiffId diff_id(tar.finish());
    if (received_.diff_id) {
      expect_diff_id(*received_.diff_id, diff_id.digest());
    }
    return keep(diff_id, tar.size(), std::move(index));
  }

  // A blob that a registry has is kept as it came; of an archive that only we have, the plain tar.
  std::unique_ptr<base::Source> decompressed(std::unique_ptr<base::Source> blob) {
    if (received_.digest) {
      blob = std::make_unique<TeeSource>(std::move(blob), *blob_);
    }
    base::DetectedSource found = base::open_decompressed(std::move(blob), "it");
    compression_ = found.compression;
    if (received_.digest &&
        (compression_ == base::Compression::kBzip2 || compression_ == base::Compression::kXz)) {
      base::fail(base::ErrorKind::kInput,
                 cat("a layer compressed with ", base::compression_name(compression_),
                     "; images have gzip, zstd or none"));
    }
    if (!received_.digest) {
      compression_ = base::Compression::kNone;
      found.plain = std::make_unique<TeeSource>(std::move(found.plain), *blob_);
    }
    return options_.threads > 0 ? base::make_read_ahead(std::move(found.plain))
                                : std::move(found.plain);
  }

  void stage_tree() {
    staged_.emplace(store_.trees().stage());
    root_ = base::open_directory(staged_->path());
    tree_ = std::make_unique<TreeWriter>(
        root_, TreeWriter::Options{.marks = options_.marks, .owners = options_.owners});
  }

  ReceivedLayer keep(const cache::DiffId& diff_id, std::uint64_t tar_size, LayerIndex index) {
    cache::BlobInfo blob =
        received_.is_verified ? blob_->commit_hashed(*received_.digest)
                              : blob_->commit({.digest = received_.digest, .size = received_.size});
    if (staged_ && !needs_lower(index)) {
      store_.trees().commit(std::move(*staged_), diff_id, tar_size);
    }
    ReceivedLayer layer{.record = {.diff_id = diff_id,
                                   .content_id = content_id_of(index),
                                   .tar_size = tar_size,
                                   .reused = false},
                        .index = std::move(index),
                        .rows = {}};
    layer.rows.layers.push_back({.diff_id = diff_id,
                                 .content_id = layer.record.content_id,
                                 .tar_size = tar_size,
                                 .index_blob = store_.blobs().put(layer.index.bytes()).digest,
                                 .canonical = false,
                                 .created = {}});
    layer.rows.layer_blobs.push_back({.diff_id = diff_id,
                                      .encoder = cache::kReceivedEncoder,
                                      .compression = row_compression(compression_),
                                      .blob = blob,
                                      .media_type = received_.media_type.empty()
                                                        ? layer_media_type(compression_)
                                                        : received_.media_type});
    return layer;
  }

  cache::Store& store_;
  const ReceivedBlob& received_;
  const LayerStoreOptions& options_;
  std::stop_token stop_;
  std::unique_ptr<cache::BlobWriter> blob_;
  base::Compression compression_ = base::Compression::kNone;
  std::optional<cache::StagedTree> staged_;
  base::Fd root_;
  std::unique_ptr<TreeWriter> tree_;
};

}  // namespace

ReceivedLayer receive_layer(cache::Store& store, std::unique_ptr<base::Source> blob,
                            const ReceivedBlob& received, const LayerStoreOptions& options,
                            std::stop_token stop) {
  return Receiver(store, received, options, std::move(stop)).run(std::move(blob));
}

}  // namespace slipway::builder
