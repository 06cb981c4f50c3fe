#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/stream.h"
#include "registry/client.h"
#include "registry/registry_host.h"

namespace slipway::registry {

// Opens a blob at the first of `hosts` that has it (mirrors first, the registry last). What is read
// is not verified yet; a connection that breaks is resumed where it broke, at the same host as long
// as that makes progress. Throws what the last host's refusal means. The hosts must outlive the
// Source.
std::unique_ptr<base::Source> download_blob(std::vector<std::shared_ptr<RegistryHost>> hosts,
                                            Sender& sender, const Repository& repository,
                                            const Descriptor& descriptor, std::stop_token stop);

}  // namespace slipway::registry
