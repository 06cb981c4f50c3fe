#include "builder/image/stream_layers.h"

#include "base/bounded_pipe.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/layer/layer_streams.h"

// The maker of a blob writes into the store and into a pipe, from which the upload reads. The pipe
// gives the upload up if that is much slower: then the digest is known early, and it may turn out
// that the registry has the blob already. So an upload that fails, or is slow, goes on like any
// other, with the bytes from the store and with what the registry has got of them.

namespace slipway::builder {

namespace {

using base::cat;
using Kind = registry::TransferEvent::Kind;

// Of layers with less, looking comes first.
constexpr std::uint64_t kStreamBytesMin = 8 << 20;
constexpr unsigned kLayersAtOnce = 2;
constexpr std::uint64_t kProgressStepBytes = 256 * 1024;

registry::Descriptor descriptor_of(const LayerBlob& made) {
  return {layer_media_type(made.compression), made.blob.digest,
          static_cast<std::int64_t>(made.blob.size)};
}

class LayerStream {
 public:
  LayerStream(cache::Store& store, LayerStore& layers, const WriteOptions& options,
              const StreamTarget& target, const cache::DiffId& diff_id)
      : store_(store), layers_(layers), options_(options), target_(target), diff_id_(diff_id) {}

  base::Digest run(std::stop_token stop) {
    tell({.kind = Kind::kStarted});
    std::vector<std::move_only_function<void(std::stop_token)>> jobs;
    jobs.push_back([this](std::stop_token job_stop) { make(std::move(job_stop)); });
    jobs.push_back([this](std::stop_token job_stop) { send(std::move(job_stop)); });
    base::run_all(std::move(jobs), 2, stop);
    if (sent_.is_there) {
      tell({.kind = Kind::kDone});
    } else {
      send_from_store(stop);
    }
    return made_->blob.digest;
  }

 private:
  void make(std::stop_token stop) {
    BlobFollower follower{.bytes = &pipe_.sink(), .ended = [this](const LayerBlob& made) {
                            made_ = made;
                            pipe_.sink().finish();
                          }};
    LayerStore::Received received =
        options_.force_compression ? LayerStore::Received::kMakeOwn : LayerStore::Received::kTake;
    LayerBlob blob =
        layers_.ensure_blob(diff_id_, options_.compress, received, follower, std::move(stop));
    if (!made_) {  // somebody else made it in the meantime
      made_ = std::move(blob);
      pipe_.abandon();
    }
  }

  void send(std::stop_token stop) {
    registry::Client::Stream stream{.name = cat("layer ", diff_id_.text()),
                                    .open = [this, stop] { return pipe_.open_source(stop); },
                                    .descriptor = [this] { return descriptor_of(*made_); },
                                    .progress = [this](std::uint64_t count) { told(count); }};
    sent_ = target_.client->stream_blob(target_.repository, stream, stop);
    pipe_.abandon();
  }

  void send_from_store(const std::stop_token& stop) {
    registry::Client::Upload upload{
        .descriptor = descriptor_of(*made_),
        .open = [this] { return store_.blobs().open_verified(made_->blob.digest); },
        .known_sources = {},
        .progress = [this](std::uint64_t count) { told(count); },
        .is_verified = true,
        .session = sent_.session};
    for (const cache::BlobSourceRow& source : store_.layers().sources(made_->blob.digest)) {
      upload.known_sources.push_back({source.host, source.repository});
    }
    registry::Client::UploadResult result =
        target_.client->push_blob(target_.repository, upload, stop);
    switch (result.how) {
      case registry::Client::Uploaded::kExisted:
        return tell({.kind = Kind::kExists});
      case registry::Client::Uploaded::kMounted:
        return tell({.kind = Kind::kMounted, .from = result.mounted_from});
      case registry::Client::Uploaded::kSent:
        return tell({.kind = Kind::kDone});
    }
  }

  void told(std::uint64_t count) {
    if (count < told_ || count >= told_ + kProgressStepBytes) {
      told_ = count;
      tell({.kind = Kind::kBytes, .current = count});
    }
  }

  void tell(registry::TransferEvent event) const {
    if (target_.observer) {
      event.digest = diff_id_.text();
      target_.observer(event);
    }
  }

  cache::Store& store_;
  LayerStore& layers_;
  const WriteOptions& options_;
  const StreamTarget& target_;
  const cache::DiffId diff_id_;
  base::BoundedPipe pipe_;
  std::optional<LayerBlob> made_;  // written by make(), and read by send() after the pipe's end
  registry::Client::StreamResult sent_;
  std::uint64_t told_ = 0;
};

}  // namespace

std::set<base::Digest> stream_layers(cache::Store& store, LayerStore& layers,
                                     const StoredImage& image, const WriteOptions& options,
                                     const StreamTarget& target, std::stop_token stop) {
  std::set<cache::DiffId> seen;
  base::Guarded<std::set<base::Digest>> sent;
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  if (options.compress.compression == base::Compression::kNone) {
    return {};
  }
  for (const cache::DiffId& diff_id : layers_to_compress(store, layers, image, options, stop)) {
    std::optional<cache::LayerRow> row = store.layers().find(diff_id);
    if (row && row->tar_size >= kStreamBytesMin && seen.insert(diff_id).second) {
      jobs.push_back([&, diff_id](std::stop_token job_stop) {
        LayerStream stream(store, layers, options, target, diff_id);
        base::Digest digest = stream.run(std::move(job_stop));
        sent.lock()->insert(std::move(digest));
      });
    }
  }
  base::run_all(std::move(jobs), kLayersAtOnce, std::move(stop));
  return std::move(*sent.lock());
}

}  // namespace slipway::builder
