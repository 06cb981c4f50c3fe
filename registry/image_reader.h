#pragma once

#include <memory>
#include <stop_token>

#include "registry/image_file.h"
#include "registry/image_members.h"

namespace slipway::registry {

// Finds the images among the members of a layout or archive (archive.h says which forms) and checks
// their documents: digests, sizes, that config and manifest fit together, that layers are here.
std::unique_ptr<ImageFile> read_images(std::unique_ptr<ImageMembers> members,
                                       const OpenImageOptions& options, std::stop_token stop);

}  // namespace slipway::registry
