#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/client.h"
#include "registry/image_bundle.h"
#include "registry/image_file.h"
#include "registry/push.h"

// Images on their way from a registry or a file to another, without a store: documents are fetched
// now, layers while they are written.

namespace slipway::registry {

// The image for a platform, or, without one, everything that the name stands for (an index with all
// its images). No names are set. The client outlives the result. kInput for indexes in indexes.
ExportBundle bundle_of_registry(Client& client, const Reference& reference,
                                const std::optional<Platform>& platform, std::stop_token stop);

// One image of a file: by a name that the file has (whole, or its tag), or the only one there is;
// kNotFound and kInput say which there are. Layers are read one at a time, from any thread.
ExportBundle bundle_of_file(std::shared_ptr<ImageFile> file, const std::string& name,
                            const std::string& what);

// All of it as a push. `sources`: repositories that have every blob.
Push push_of(const ExportBundle& bundle, const std::vector<Repository>& sources);

}  // namespace slipway::registry
