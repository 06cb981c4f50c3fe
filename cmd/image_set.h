#pragma once

// What a name stands for, ready to be pushed or saved: one image, or an index with all its images.

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/image/store_images.h"
#include "cache/refs/rows.h"
#include "registry/image_bundle.h"
#include "registry/oci/platform.h"

namespace slipway::cmd {

struct ImageSet {
  std::vector<cache::ImageId> ids;            // of `images`
  std::vector<registry::ExportImage> images;  // without names
  // What is said of them, and kept here: attestations.
  std::vector<registry::Attachment> attachments;
  std::optional<registry::PushDocument> index;
  // A line for people where only part of it all could be taken; else empty.
  std::string notice;
};

struct ImageSetOptions {
  // Only the image for it; nothing: all of an index if all of it is here, else the host's.
  std::optional<registry::Platform> platform;
  builder::WriteOptions write;
  // Called with each image before it is made ready: time to compress its layers otherwise.
  std::function<void(const builder::StoredImage& image)> before_image;
};

// The stores outlive the result. kNotFound if an index has no image for the platform here.
ImageSet make_image_set(cache::Store& store, builder::LayerStore& layers,
                        const cache::NameTarget& target, const ImageSetOptions& options,
                        std::stop_token stop);

// A manifest with attestations that is kept of an image, whatever form it has.
struct StoredAttestation {
  registry::ExportImage document;
  base::Digest about;  // the image's manifest
};
std::vector<StoredAttestation> stored_attestations(cache::Store& store, const cache::ImageId& id);

}  // namespace slipway::cmd
