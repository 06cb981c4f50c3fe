#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "builder/image/store_images.h"
#include "cache/refs/image_table.h"

namespace slipway::cmd {

// What `inspect` shows of an image: docker's members in docker's order (Engine API, "Inspect an
// image").
nlohmann::ordered_json image_json(const cache::ImageTable::Listed& image,
                                  const builder::StoredImage& stored);

// A manifest that is kept of the image: its own, or attestations about it.
struct KeptManifest {
  registry::Descriptor descriptor;
  std::optional<base::Digest> about;  // of attestations: the image's manifest
  std::uint64_t content_bytes = 0;    // of what it names, as stored
};
// What the Engine API calls an image's manifests (1.48, "manifests"); shown where there is more to
// tell than of any image.
void add_manifests(nlohmann::ordered_json& json, const std::vector<KeptManifest>& manifests,
                   const builder::StoredImage& stored);

}  // namespace slipway::cmd
