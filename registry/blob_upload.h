#pragma once

#include <memory>
#include <stop_token>

#include "registry/client.h"
#include "registry/registry_host.h"

namespace slipway::registry {

// Client::push_blob at one registry.
Client::UploadResult upload_blob(RegistryHost& host, Sender& sender, const Repository& repository,
                                 const Client::Upload& upload, std::stop_token stop);

// Opens an upload and cancels it: throws what a push would.
void try_upload(RegistryHost& host, const Repository& repository, std::stop_token stop);

}  // namespace slipway::registry
