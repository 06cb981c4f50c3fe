#pragma once

#include <cstdint>
#include <stop_token>

#include "builder/image/assemble.h"
#include "builder/layer/layer_store.h"

// Images made from an image that was just built. Its base's layers and history stay as they are.

namespace slipway::builder {

// The layers of the build as one: what they changed together in the files of the base. Instructions
// keep their history, as entries without a layer, and one entry more tells of the merge. An image
// with at most one new layer is given back as it is.
AssembledImage squash(const AssembledImage& image, LayerStore& layers, std::stop_token stop);

// No file of the build's layers is newer than the image's SOURCE_DATE_EPOCH. Given back as it is
// where there is none, or nothing newer.
AssembledImage rewrite_times(const AssembledImage& image, cache::Store& store, LayerStore& layers,
                             std::stop_token stop);

}  // namespace slipway::builder
