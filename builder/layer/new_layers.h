#pragma once

#include <stop_token>

#include "builder/layer/layer_store.h"
#include "builder/layer/stored_layers.h"

// How LayerStore makes new layers: each is read once, and while it is hashed and indexed it is
// stored in one of its forms. Where an older layer has the same content, that one is the result,
// and what was written is dropped. Any thread.

namespace slipway::builder {

// From entries and their content, in the form asked for. A kTar is a patch of the similar layer if
// one can be made and is worth it, else a blob of its own.
AddedLayer add_layer(StoredLayers& layers, const LayerEntries& layer, const StoreForm& form,
                     const std::stop_token& stop);

// What a step left. Its directory, `staged`, becomes the layer's tree.
ReadUpper read_upper(const StepUpper& upper, const LayerStoreOptions& options,
                     const std::stop_token& stop);
AddedLayer add_upper(StoredLayers& layers, cache::StagedTree staged, const ReadUpper& read);

}  // namespace slipway::builder
