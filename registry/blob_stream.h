#pragma once

#include <stop_token>

#include "registry/client.h"
#include "registry/registry_host.h"

namespace slipway::registry {

// Client::stream_blob at one registry.
Client::StreamResult stream_to(RegistryHost& host, const Repository& repository,
                               const Client::Stream& stream, std::stop_token stop);

}  // namespace slipway::registry
