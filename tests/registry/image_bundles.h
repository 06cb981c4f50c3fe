#pragma once

#include <string>
#include <vector>

#include "registry/image_bundle.h"
#include "registry/oci/image_config.h"
#include "registry/oci/index.h"

namespace slipway::registry {

// An image of these (uncompressed) layers, as it would be written.
inline ExportImage image_of(const std::vector<std::string>& layers,
                            const std::vector<std::string>& names,
                            const Platform& platform = host_platform()) {
  ImageConfig config{.created = base::Timestamp{.seconds = 1'700'000'000}, .platform = platform};
  Manifest manifest{.media_type = std::string(media_types::kOciManifest),
                    .config = {.media_type = std::string(media_types::kOciConfig),
                               .digest = base::sha256_of("")}};
  ExportImage image;
  for (const std::string& layer : layers) {
    base::Digest digest = base::sha256_of(layer);
    config.diff_ids.emplace_back(digest);
    config.history.push_back({.created_by = "a step"});
    manifest.layers.push_back({.media_type = std::string(media_types::kOciLayer),
                               .digest = digest,
                               .size = static_cast<std::int64_t>(layer.size())});
    image.layers.push_back({.descriptor = manifest.layers.back(), .open = [layer] {
                              return std::make_unique<base::StringSource>(layer);
                            }});
  }
  image.config = serialise(config);
  manifest.config.digest = base::sha256_of(image.config);
  manifest.config.size = static_cast<std::int64_t>(image.config.size());
  image.manifest = {.bytes = serialise(manifest), .media_type = manifest.media_type};
  for (const std::string& name : names) {
    image.names.push_back(Reference::parse(name).value());
  }
  return image;
}

// An index over the images, under the names.
inline ExportBundle bundle_of_platforms(const std::vector<std::string>& platforms,
                                        const std::vector<std::string>& names) {
  ExportBundle bundle;
  Index index{.media_type = std::string(media_types::kOciIndex)};
  for (const std::string& text : platforms) {
    Platform platform = parse_platform(text).value();
    bundle.images.push_back(image_of({"layer of " + text}, {}, platform));
    const PushDocument& manifest = bundle.images.back().manifest;
    index.manifests.push_back({.media_type = manifest.media_type,
                               .digest = base::sha256_of(manifest.bytes),
                               .size = static_cast<std::int64_t>(manifest.bytes.size()),
                               .platform = platform});
  }
  bundle.index = ExportBundle::Root{
      .index = {.bytes = serialise(index), .media_type = index.media_type}, .names = {}};
  for (const std::string& name : names) {
    bundle.index->names.push_back(Reference::parse(name).value());
  }
  return bundle;
}

}  // namespace slipway::registry
