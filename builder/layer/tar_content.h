#pragma once

#include <memory>

#include "builder/layer/layer_index.h"
#include "builder/layer/merged_view.h"
#include "builder/layer/stored_tar.h"

namespace slipway::builder {

// The content of a layer from its canonical tar (one that TarWriter wrote from the entries of the
// index): where each file stands in it follows from the index, so nothing is unpacked.
std::shared_ptr<const LayerContent> make_tar_content(std::shared_ptr<const StoredTar> tar,
                                                     const LayerIndex& index);

}  // namespace slipway::builder
