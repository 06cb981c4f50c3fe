#pragma once

#include <set>
#include <stop_token>

#include "builder/image/store_images.h"
#include "registry/client.h"

namespace slipway::builder {

// Where layers are sent.
struct StreamTarget {
  registry::Client* client;
  registry::Repository repository;
  registry::TransferObserver observer;  // layers are called by their diff IDs
};

// What has to be compressed of an image before its manifest can be made is sent while it is
// compressed, two layers at once: large layers without a blob. Their blobs are in the store
// afterwards, as make_export would have made them; returns which of them the repository now has.
// Small ones are left to make_export and push: looking for them there costs less than sending them.
// Throws what compressing throws, and what a push would that is refused.
std::set<base::Digest> stream_layers(cache::Store& store, LayerStore& layers,
                                     const StoredImage& image, const WriteOptions& options,
                                     const StreamTarget& target, std::stop_token stop);

}  // namespace slipway::builder
