#pragma once

#include <optional>
#include <stop_token>

#include "base/compress.h"
#include "builder/layer/layer_store.h"
#include "builder/layer/stored_layers.h"
#include "cache/content/ids.h"

// How LayerStore gives a stored layer as a blob, for pushes and exports. LayerStore::Received says
// whether one that came from elsewhere will do. Any thread; the layer and what is found are held.

namespace slipway::builder {

// Nothing if there is none that fits: of our encoder at that level, or received with that
// compression, or any that is plain if a plain one is wanted.
std::optional<LayerBlob> find_layer_blob(StoredLayers& layers, const cache::DiffId& diff_id,
                                         const base::CompressOptions& compress,
                                         LayerStore::Received received);

// Makes and commits it if there is none, with at least the threads of LayerStoreOptions; then
// `follower` gets its bytes. One thread makes it, others that ask meanwhile wait for that.
LayerBlob ensure_layer_blob(StoredLayers& layers, const cache::DiffId& diff_id,
                            base::CompressOptions compress, LayerStore::Received received,
                            const BlobFollower& follower, const std::stop_token& stop);

}  // namespace slipway::builder
