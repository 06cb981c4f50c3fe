#include "registry/image_file.h"

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

}  // namespace

std::vector<LoadedImage> load(ImageFile& file, cache::Store& store, LayerSink& layers,
                              const TransferObserver& observer, std::stop_token stop) {
  std::vector<LoadedImage> loaded;
  cache::Batch batch;
  std::map<std::string, std::size_t> owners;  // name -> the image that has it
  for (const FoundImage& image : file.images()) {
    take_layers(file, image, layers, observer, stop);
    loaded.push_back({.image = keep(store, image), .names = {}});
    batch.images.push_back(loaded.back().image);
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
  store.commit(batch);
  return loaded;
}

}  // namespace slipway::registry
