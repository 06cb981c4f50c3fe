// Images as others take them: manifest, config, compressed layers.
#include <algorithm>
#include <mutex>

#include "base/digester.h"
#include "base/error.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/image/store_images.h"
#include "registry/oci/manifest.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::size_t kManifestBytesReadMax = registry::kManifestBytesMax;
// Layers that are compressed at once; each uses threads of its own besides.
constexpr unsigned kLayersAtOnce = 2;

registry::Compression registry_compression(base::Compression compression) {
  switch (compression) {
    case base::Compression::kGzip:
      return registry::Compression::kGzip;
    case base::Compression::kZstd:
      return registry::Compression::kZstd;
    default:
      return registry::Compression::kNone;
  }
}

class Exporter {
 public:
  Exporter(cache::Store& store, LayerStore& layers, const StoredImage& image,
           const WriteOptions& options, std::stop_token stop)
      : store_(store), layers_(layers), image_(image), options_(options), stop_(std::move(stop)) {}

  registry::ExportImage run() {
    if (std::optional<registry::ExportImage> received = as_received()) {
      return std::move(*received);
    }
    registry::ExportImage result;
    result.config = image_.config_bytes;
    result.layers.resize(image_.row.layers.size(),
                         {registry::Descriptor{{}, image_.row.id.digest()}, {}});
    std::vector<std::move_only_function<void(std::stop_token)>> jobs;
    for (std::size_t i = 0; i < image_.row.layers.size(); ++i) {
      jobs.push_back(
          [&, i](std::stop_token stop) { result.layers[i] = layer(image_.row.layers[i], stop); });
    }
    base::run_all(std::move(jobs), kLayersAtOnce, stop_);
    result.manifest = manifest_of(result);
    return result;
  }

  // The layers that run() would have to compress.
  std::vector<cache::DiffId> unmade() {
    std::vector<cache::DiffId> found;
    if (as_received()) {
      return found;
    }
    for (const cache::DiffId& diff_id : image_.row.layers) {
      if (!received_layer(diff_id) && !layers_.find_blob(diff_id, options_.compress, received())) {
        found.push_back(diff_id);
      }
    }
    return found;
  }

 private:
  LayerStore::Received received() const {
    return options_.force_compression ? LayerStore::Received::kMakeOwn
                                      : LayerStore::Received::kTake;
  }

  // The manifest that came with the image, if it can be given back unchanged.
  std::optional<registry::ExportImage> as_received() {
    if (!options_.keep_received || options_.force_compression || !image_.row.received ||
        !store_.blobs().has(image_.row.received->digest)) {
      return std::nullopt;
    }
    registry::ExportImage result;
    result.manifest = {store_.blobs().read(image_.row.received->digest, kManifestBytesReadMax),
                       image_.row.received->media_type};
    registry::Manifest manifest = registry::parse_manifest(
        result.manifest.bytes, {}, cat("manifest ", image_.row.received->digest.text()));
    if (manifest.layers.size() != image_.row.layers.size() ||
        manifest.config.digest != base::digest_like(manifest.config.digest, image_.config_bytes)) {
      return std::nullopt;
    }
    result.config = image_.config_bytes;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      result.layers.push_back(
          {manifest.layers[i], opener(image_.row.layers[i], manifest.layers[i].digest)});
    }
    return result;
  }

  registry::ExportBlob layer(const cache::DiffId& diff_id, const std::stop_token& stop) {
    if (std::optional<registry::ExportBlob> received = received_layer(diff_id)) {
      return std::move(*received);
    }
    LayerBlob made = layers_.ensure_blob(diff_id, options_.compress, received(), stop);
    registry::Descriptor descriptor{std::string(registry::layer_media_type(
                                        options_.family, registry_compression(made.compression))),
                                    made.blob.digest, static_cast<std::int64_t>(made.blob.size)};
    return {descriptor, opener(diff_id, made.blob.digest)};
  }

  // A blob that came from a registry is sent on as it is, whatever its compression; its bytes need
  // not be here.
  std::optional<registry::ExportBlob> received_layer(const cache::DiffId& diff_id) {
    if (options_.force_compression) {
      return std::nullopt;
    }
    std::optional<cache::LayerBlobRow> row =
        store_.layers().find_blob(diff_id, cache::kReceivedEncoder);
    bool wants_plain = options_.compress.compression == base::Compression::kNone;
    if (!row || (wants_plain && row->compression != cache::Compression::kNone)) {
      return std::nullopt;
    }
    bool docker_zstd = options_.family == registry::Family::kDocker &&
                       row->compression == cache::Compression::kZstd;
    if (docker_zstd) {
      return std::nullopt;
    }
    registry::Descriptor descriptor{
        std::string(registry::layer_media_type(options_.family, row->compression)),
        row->blob.digest, static_cast<std::int64_t>(row->blob.size)};
    return registry::ExportBlob{descriptor, opener(diff_id, row->blob.digest)};
  }

  // Fetches the blob at the moment when somebody reads it, if it is not here.
  std::function<std::unique_ptr<base::Source>()> opener(const cache::DiffId& diff_id,
                                                        const base::Digest& digest) {
    return [store = &store_, layers = &layers_, diff_id, digest, stop = stop_] {
      if (!store->blobs().has(digest)) {
        layers->index(diff_id, stop);
      }
      if (!store->blobs().has(digest)) {
        base::fail(base::ErrorKind::kIntegrity,
                   cat("layer ", diff_id.text(), ": its blob ", digest.text(),
                       " is not in the store any more"),
                   "'slipway pull' of the image brings it back");
      }
      return store->blobs().open_verified(digest);
    };
  }

  registry::PushDocument manifest_of(const registry::ExportImage& result) const {
    registry::Manifest manifest{
        .media_type = std::string(registry::manifest_media_type(options_.family)),
        .artifact_type = {},
        .config = {std::string(registry::config_media_type(options_.family)),
                   image_.row.id.digest(), static_cast<std::int64_t>(image_.config_bytes.size())},
        .layers = {},
        .subject = std::nullopt,
        .annotations = options_.annotations};
    for (const registry::ExportBlob& blob : result.layers) {
      manifest.layers.push_back(blob.descriptor);
    }
    return {registry::serialise(manifest), manifest.media_type};
  }

  cache::Store& store_;
  LayerStore& layers_;
  const StoredImage& image_;
  const WriteOptions& options_;
  std::stop_token stop_;
};

// Docker's media types have none for zstd.
WriteOptions fitting(WriteOptions options) {
  if (options.compress.compression == base::Compression::kZstd) {
    options.family = registry::Family::kOci;
  }
  return options;
}

}  // namespace

registry::ExportImage make_export(cache::Store& store, LayerStore& layers, const StoredImage& image,
                                  const WriteOptions& options, std::stop_token stop) {
  WriteOptions chosen = fitting(options);
  return Exporter(store, layers, image, chosen, std::move(stop)).run();
}

std::vector<cache::DiffId> layers_to_compress(cache::Store& store, LayerStore& layers,
                                              const StoredImage& image, const WriteOptions& options,
                                              std::stop_token stop) {
  WriteOptions chosen = fitting(options);
  return Exporter(store, layers, image, chosen, std::move(stop)).unmade();
}

registry::Push make_push(cache::Store& store, const registry::ExportImage& image) {
  registry::Push push;
  for (const registry::ExportBlob& layer : image.layers) {
    registry::PushBlob blob{layer.descriptor, layer.open, {}};
    for (const cache::BlobSourceRow& source : store.layers().sources(layer.descriptor.digest)) {
      blob.known_sources.push_back({source.host, source.repository});
    }
    blob.is_verified = true;
    push.blobs.push_back(std::move(blob));
  }
  registry::Manifest manifest =
      registry::parse_manifest(image.manifest.bytes, {}, "manifest of the image");
  push.blobs.push_back(
      {manifest.config,
       [config = image.config] { return std::make_unique<base::StringSource>(config); },
       {}});
  push.documents.push_back(image.manifest);
  return push;
}

}  // namespace slipway::builder
