#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/client.h"
#include "registry/image_bundle.h"
#include "registry/image_file.h"
#include "registry/image_members.h"
#include "registry/push.h"

// Images on their way from a registry or a file to another, without a store: documents are fetched
// now, layers while they are written.

namespace slipway::registry {

// The image for a platform, or, without one, everything that the name stands for: an index with all
// its images and the indexes in it (kInput beyond kIndexDepthMax levels, and where it is more than
// anybody needs). No names are set. The client outlives the result.
ExportBundle bundle_of_registry(Client& client, const Reference& reference,
                                const std::optional<Platform>& platform, std::stop_token stop);

// Adds what refers to the bundle's images and indexes: signatures, attestations, SBOMs, whether
// they are found as referrers or by cosign's tags.
void add_referrers(ExportBundle& bundle, Client& client, const Repository& repository,
                   std::stop_token stop);

// One image of a file: by a name that the file has (whole, or its tag), or the only one there is;
// kNotFound and kInput say which there are. Layers are read one at a time, from any thread.
ExportBundle bundle_of_file(std::shared_ptr<ImageFile> file, const std::string& name,
                            const std::string& what);

// The same with everything that an entry of index.json stands for. Images of several platforms that
// stand under one name side by side get an index. kInput for a file without an index.json: it has
// one image.
ExportBundle bundle_of_layout(std::shared_ptr<ImageMembers> members, const std::string& name,
                              std::stop_token stop);

// All of it as a push. `sources`: repositories that have every blob.
Push push_of(const ExportBundle& bundle, const std::vector<Repository>& sources);

}  // namespace slipway::registry
