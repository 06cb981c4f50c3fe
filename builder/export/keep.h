#pragma once

// What outputs tell of images beyond their configs and layers, in the store.

#include <stop_token>
#include <vector>

#include "cache/store.h"
#include "registry/image_bundle.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

// Keeps what the rows of a bundle's images, which are in the store already, don't tell: the index,
// which takes over the names; manifests that have annotations; what is said of the images. A later
// push sends the same bytes. Without any of it, as forget_annotations.
void keep_bundle(cache::Store& store, const registry::ExportBundle& bundle,
                 const std::vector<cache::ImageRow>& rows,
                 const std::vector<registry::Reference>& names, std::stop_token stop);

// An earlier build may have given the same image annotations, which this one does not.
void forget_annotations(cache::Store& store, const cache::ImageRow& row);

}  // namespace slipway::builder
