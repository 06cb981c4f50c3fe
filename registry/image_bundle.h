#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "registry/oci/descriptor.h"
#include "registry/oci/reference.h"
#include "registry/push.h"

namespace slipway::registry {

struct ExportBlob {
  Descriptor descriptor;
  std::function<std::unique_ptr<base::Source>()> open;
};

// One image for writing. `manifest` describes config and layers as they are to be written.
struct ExportImage {
  PushDocument manifest;
  std::string config;              // bytes
  std::vector<ExportBlob> layers;  // base first, as in the manifest
  std::vector<Reference> names;    // with tags; may be empty
  Annotations annotations;         // of its entry in a layout's index.json, besides its names
};

// Something about an image of a bundle, with a manifest of its own: attestations, signatures. It is
// written before the image. Its names are tags that tools find it by.
struct Attachment {
  ExportImage image;
  // Its entry in a layout's index.json, besides its names; none where the bundle's index has it.
  std::optional<Descriptor> entry;
};

// Several images, and an index over them where one is wanted under the names (multi-platform).
struct ExportBundle {
  std::vector<ExportImage> images;
  std::vector<Attachment> attachments;
  struct Root {
    PushDocument index;
    std::vector<PushDocument> inner;  // indexes between it and the images, children first
    std::vector<Reference> names;
    Annotations annotations;  // as an image's
  };
  std::optional<Root> index;
};

}  // namespace slipway::registry
