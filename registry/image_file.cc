#include "registry/image_file.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "registry/progress_source.h"

namespace slipway::registry {

namespace {

using Kind = TransferEvent::Kind;

void take_layers(ImageFile& file, const FoundImage& image, LayerSink& layers,
                 const TransferObserver& observer, const std::stop_token& stop) {
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const Descriptor& layer = image.layers[i];
    const cache::DiffId& diff_id = image.config.diff_ids[i];
    if (layers.has(diff_id)) {
      tell(observer, Kind::kExists, layer);
      continue;
    }
    tell(observer, Kind::kStarted, layer);
    layers.put(with_progress(file.open(layer), layer, observer), layer, diff_id, stop);
    tell(observer, Kind::kDone, layer);
  }
}

// With its documents, which are put into the store.
cache::ImageRow keep(cache::Store& store, const FoundImage& image) {
  store.blobs().put(image.config_bytes);
  cache::ImageRow row{.id = cache::ImageId(base::sha256_of(image.config_bytes)),
                      .platform = normalise(image.config.platform).text(),
                      .created = image.config.created.value_or(base::Timestamp{}),
                      .layers = image.config.diff_ids};
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    std::optional<cache::LayerRow> layer = store.layers().find(image.config.diff_ids[i]);
    row.size += layer && layer->tar_size > 0 ? layer->tar_size
                                             : static_cast<std::uint64_t>(image.layers[i].size);
  }
  if (!image.made) {
    const Descriptor& manifest = image.manifest.descriptor;
    row.received = cache::ManifestRef{
        store.blobs().put(image.manifest.bytes, manifest.digest).digest, manifest.media_type};
  }
  return row;
}

// A name as files have it. "latest" alone is a tag of nothing; what is no reference is told.
std::optional<Reference> find_reference(const std::string& name, const TransferObserver& observer) {
  if (!name.contains(':') && !name.contains('/')) {
    return std::nullopt;
  }
  auto reference = Reference::parse(name);
  if (!reference) {
    if (observer) {
      observer({.kind = Kind::kWarning,
                .text = base::cat("name ", base::quote(name), ": ", reference.error())});
    }
    return std::nullopt;
  }
  return *std::move(reference);
}

// A manifest that is no image's, into the store: its digest first, then those of what it names.
std::vector<base::Digest> put(ImageFile& file, cache::Store& store, const FoundDocument& document,
                              const std::stop_token& stop) {
  std::vector<base::Digest> digests = {
      store.blobs().put(document.manifest.bytes, document.manifest.descriptor.digest).digest,
      store.blobs().put(document.config_bytes).digest};
  for (const Descriptor& layer : document.layers) {
    std::unique_ptr<cache::BlobWriter> writer = store.blobs().write();
    base::copy_stream(*file.open(layer), *writer, stop);
    digests.push_back(writer->commit({.digest = layer.digest, .size = std::nullopt}).digest);
  }
  return digests;
}

using ImagesByManifest = std::map<base::Digest, cache::ImageRow>;

bool is_to_be_named(const FoundIndex& index, const ImagesByManifest& images) {
  return index.is_whole && std::ranges::any_of(index.images, [&](const base::Digest& manifest) {
           auto image = images.find(manifest);
           auto platform = parse_platform(image == images.end() ? "" : image->second.platform);
           return platform && runs_on(*platform, host_platform());
         });
}

// What is above the images, and beside them. `images` are those that were loaded.
void add_indexes(ImageFile& file, cache::Store& store, cache::Batch& batch,
                 const ImagesByManifest& images, const std::stop_token& stop) {
  for (const FoundIndex& found : file.indexes()) {
    if (!is_to_be_named(found, images)) {
      continue;
    }
    const Descriptor& index = found.index.descriptor;
    cache::IndexRow row{
        .index = {store.blobs().put(found.index.bytes, index.digest).digest, index.media_type}};
    for (const base::Digest& manifest : found.images) {
      if (auto image = images.find(manifest); image != images.end()) {
        row.images.push_back(image->second.id);
        row.other_blobs.push_back(image->second.received->digest);
      }
    }
    for (const FoundDocument& other : found.others) {
      std::ranges::move(put(file, store, other, stop), std::back_inserter(row.other_blobs));
    }
    for (const std::string& name : found.names) {
      if (auto reference = find_reference(name, {})) {
        batch.names.push_back(
            {.reference = reference->with_default_tag().canonical(), .target = row.index.digest});
      }
    }
    batch.indexes.push_back(std::move(row));
  }
  for (const FoundDocument& found : file.referrers()) {
    const Descriptor& descriptor = found.manifest.descriptor;
    Manifest manifest = parse_manifest(found.manifest.bytes, descriptor.media_type, "attestations");
    auto image = images.find(manifest.subject->digest);
    if (image == images.end()) {
      continue;
    }
    std::vector<base::Digest> blobs = put(file, store, found, stop);
    base::Digest digest = blobs.front();
    blobs.erase(blobs.begin());
    batch.referrers.push_back({.image = image->second.id,
                               .manifest = {std::move(digest), descriptor.media_type},
                               .subject = image->second.received->digest,
                               .blobs = std::move(blobs)});
  }
}

}  // namespace

std::vector<LoadedImage> load(ImageFile& file, cache::Store& store, LayerSink& layers,
                              const TransferObserver& observer, std::stop_token stop) {
  std::vector<LoadedImage> loaded;
  cache::Batch batch;
  std::map<std::string, std::size_t> owners;  // name -> the image that has it
  ImagesByManifest by_manifest;
  for (const FoundImage& image : file.images()) {
    take_layers(file, image, layers, observer, stop);
    loaded.push_back({.image = keep(store, image), .names = {}});
    batch.images.push_back(loaded.back().image);
    if (!image.made) {
      by_manifest.emplace(image.manifest.descriptor.digest, loaded.back().image);
    }
    for (const std::string& name : image.names) {
      std::optional<Reference> reference = find_reference(name, observer);
      if (!reference) {
        continue;
      }
      // Of several platforms under one name, the one that runs here.
      Reference tagged = reference->with_default_tag();
      auto [owner, is_new] = owners.try_emplace(tagged.canonical(), loaded.size() - 1);
      if (is_new || runs_on(image.config.platform, host_platform())) {
        owner->second = loaded.size() - 1;
      }
    }
  }
  for (const auto& [name, owner] : owners) {
    loaded[owner].names.push_back(Reference::parse(name).value());
    batch.names.push_back({.reference = name, .target = loaded[owner].image.id});
  }
  // Names of indexes come last: they move from the image to all of them.
  add_indexes(file, store, batch, by_manifest, stop);
  store.commit(batch);
  return loaded;
}

}  // namespace slipway::registry
