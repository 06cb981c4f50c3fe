#pragma once

#include <memory>
#include <stop_token>

#include "base/stream.h"
#include "builder/layer/layer_store.h"

namespace slipway::builder {

// A layer that was read, verified and put into the store, but is not committed yet.
struct ReceivedLayer {
  LayerRecord record;
  LayerIndex index;
  cache::Batch rows;
};

// One pass over a layer blob: its bytes go into the blob store while they are decompressed, hashed,
// indexed and, if wanted, unpacked.
ReceivedLayer receive_layer(cache::Store& store, std::unique_ptr<base::Source> blob,
                            const ReceivedBlob& received, const LayerStoreOptions& options,
                            std::stop_token stop);

}  // namespace slipway::builder
