#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/stream.h"
#include "registry/client.h"
#include "registry/registry_host.h"

namespace slipway::registry {

// Where a blob may be: a repository of a host.
struct BlobLocation {
  std::shared_ptr<RegistryHost> host;
  std::string path;
};

// Opens a blob at the first of `locations` that has it (mirrors first, the registry last). What is
// read is not verified yet; a connection that breaks is resumed where it broke, at the same host as
// long as that makes progress. Throws what the last host's refusal means. Waits while too many come
// from that host already; the Source is counted until it is destroyed. `repository` is for
// messages.
std::unique_ptr<base::Source> download_blob(std::vector<BlobLocation> locations, Sender& sender,
                                            const Repository& repository,
                                            const Descriptor& descriptor, std::stop_token stop);

}  // namespace slipway::registry
