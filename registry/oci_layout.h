#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "registry/image_bundle.h"
#include "registry/image_file.h"
#include "registry/image_members.h"

// The OCI image layout (image-spec, image-layout.md): a folder with oci-layout, index.json and
// blobs/sha256/<hex>. archive.h has the tar forms.

namespace slipway::registry {

// Adds to a layout folder, or makes one: blobs that are there stay, index.json is replaced last and
// in one step; a name that it has already moves to the new image.
void write_layout(const ExportBundle& bundle, const std::string& directory, std::stop_token stop);

// Its files, for bundle_of_layout.
std::unique_ptr<ImageMembers> open_layout_members(const std::string& directory);
std::unique_ptr<ImageFile> open_layout(const std::string& directory,
                                       const OpenImageOptions& options);

}  // namespace slipway::registry
