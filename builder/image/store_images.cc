#include "builder/image/store_images.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

// As many as `docker images` shows; shorter beginnings are too easily hit by a name that was
// mistyped.
constexpr std::size_t kIdPrefixMin = 4;

std::optional<cache::ImageId> image_of_target(cache::Store& store, const cache::NameTarget& target,
                                              const registry::Platform& platform) {
  if (const auto* id = std::get_if<cache::ImageId>(&target)) {
    return *id;
  }
  std::optional<cache::IndexRow> index = store.images().find_index(std::get<base::Digest>(target));
  if (!index) {
    return std::nullopt;
  }
  for (const registry::Platform& wanted : registry::platforms_run_by(platform)) {
    for (const cache::ImageId& id : index->images) {
      std::optional<cache::ImageRow> row = store.images().find(id);
      if (row && row->platform == wanted.text()) {
        return id;
      }
    }
  }
  return std::nullopt;
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::uint64_t tar_size_of(cache::Store& store, const std::vector<cache::DiffId>& layers) {
  std::uint64_t size = 0;
  for (const cache::DiffId& diff_id : layers) {
    std::optional<cache::LayerRow> row = store.layers().find(diff_id);
    size += row ? row->tar_size : 0;
  }
  return size;
}

}  // namespace

bool LayerReceiver::has(const cache::DiffId& diff_id) {
  return layers_->has(diff_id);
}

void LayerReceiver::put(std::unique_ptr<base::Source> blob, const registry::Descriptor& descriptor,
                        const cache::DiffId& diff_id, std::stop_token stop) {
  ReceivedBlob received{descriptor.digest, static_cast<std::uint64_t>(descriptor.size), diff_id,
                        descriptor.media_type, /*is_verified=*/descriptor.digest.is_sha256()};
  layers_->put_blob(std::move(blob), received, std::move(stop));
}

StoredImage read_image(cache::Store& store, const cache::ImageId& id) {
  std::optional<cache::ImageRow> row = store.images().find(id);
  if (!row) {
    base::fail(base::ErrorKind::kNotFound, cat("no image ", id.text(), " in the store"));
  }
  std::string bytes = store.blobs().read(id.digest(), registry::kConfigBytesMax);
  registry::ImageConfig config =
      registry::parse_image_config(bytes, cat("config of image ", id.text()));
  return {std::move(*row), std::move(bytes), std::move(config)};
}

std::optional<cache::ImageId> find_image(cache::Store& store, const registry::Reference& reference,
                                         const registry::Platform& platform) {
  if (reference.digest()) {
    if (auto id = store.images().find_by_repository_digest(reference.name(), *reference.digest())) {
      return id;
    }
  }
  std::optional<cache::NameRow> name = store.images().find_name(reference.for_pull().canonical());
  return name ? image_of_target(store, name->target, platform) : std::nullopt;
}

std::optional<cache::ImageId> find_image(cache::Store& store, const std::string& text,
                                         const registry::Platform& platform) {
  auto reference = registry::Reference::parse(text);
  if (reference) {
    if (auto id = find_image(store, *reference, platform)) {
      return id;
    }
  }
  std::string_view hex = text;
  if (hex.starts_with("sha256:")) {
    hex.remove_prefix(7);
  }
  bool may_be_id = is_hex(hex) && hex.size() >= kIdPrefixMin && hex.size() <= 64;
  return may_be_id ? store.images().find_by_prefix(hex) : std::nullopt;
}

std::optional<registry::ExportImage> find_document(cache::Store& store,
                                                   const cache::ManifestRef& manifest) {
  if (!store.blobs().has(manifest.digest)) {
    return std::nullopt;
  }
  registry::ExportImage document;
  document.manifest = {.bytes = store.blobs().read(manifest.digest, registry::kManifestBytesMax),
                       .media_type = manifest.media_type};
  registry::Manifest parsed = registry::parse_manifest(document.manifest.bytes, manifest.media_type,
                                                       cat("manifest ", manifest.digest.text()));
  if (!store.blobs().has(parsed.config.digest)) {
    return std::nullopt;
  }
  document.config = store.blobs().read(parsed.config.digest, registry::kConfigBytesMax);
  for (registry::Descriptor& layer : parsed.layers) {
    if (!store.blobs().has(layer.digest)) {
      return std::nullopt;
    }
    auto open = [blobs = &store.blobs(), digest = layer.digest] {
      return blobs->open_verified(digest);
    };
    document.layers.push_back({std::move(layer), std::move(open)});
  }
  return document;
}

std::vector<base::Digest> put_document(cache::Store& store, const registry::ExportImage& document,
                                       std::stop_token stop) {
  std::vector<base::Digest> digests = {store.blobs().put(document.manifest.bytes).digest,
                                       store.blobs().put(document.config).digest};
  for (const registry::ExportBlob& layer : document.layers) {
    std::unique_ptr<cache::BlobWriter> writer = store.blobs().write();
    base::copy_stream(*layer.open(), *writer, stop);
    digests.push_back(writer->commit({.digest = layer.descriptor.digest, .size = {}}).digest);
  }
  return digests;
}

cache::ImageRow keep_image(cache::Store& store, const AssembledImage& image,
                           const std::vector<registry::Reference>& names) {
  store.blobs().put(image.config_bytes);
  cache::ImageId id(image.id);
  cache::ImageRow row{.id = id,
                      .platform = registry::normalise(image.config.platform).text(),
                      .created = image.config.created.value_or(base::Timestamp{}),
                      .added = {},
                      .size = tar_size_of(store, image.layers),
                      .layers = image.layers,
                      .received = std::nullopt,
                      .other_blobs = {}};
  cache::Batch batch;
  batch.images.push_back(row);
  for (const registry::Reference& name : names) {
    batch.names.push_back({name.with_default_tag().canonical(), id, {}});
  }
  store.commit(batch);
  return row;
}

}  // namespace slipway::builder
