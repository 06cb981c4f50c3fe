#pragma once

#include <nlohmann/json_fwd.hpp>

#include "builder/image/store_images.h"
#include "cache/refs/image_table.h"

namespace slipway::cmd {

// What `inspect` shows of an image: docker's members in docker's order (Engine API, "Inspect an
// image").
nlohmann::ordered_json image_json(const cache::ImageTable::Listed& image,
                                  const builder::StoredImage& stored);

}  // namespace slipway::cmd
