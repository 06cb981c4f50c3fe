#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/credentials.h"

namespace slipway::registry {

// Docker's credential helpers: docker-credential-<suffix>, found on the PATH of the environment
// that it gets, whole. `server` is the host, or kHubAuthKey for the Hub. What fails is kSystem with
// the helper's own words (kNotFound where there is no such program), and never tells a secret.

// Nothing where the helper does not know the server.
std::optional<Credential> credential_helper_get(std::string_view suffix, std::string_view server,
                                                const std::vector<std::string>& environment,
                                                std::stop_token stop);
// Precondition: the credential has a password or an identity token.
void credential_helper_store(std::string_view suffix, std::string_view server,
                             const Credential& credential,
                             const std::vector<std::string>& environment, std::stop_token stop);
// False where the helper did not know the server.
bool credential_helper_erase(std::string_view suffix, std::string_view server,
                             const std::vector<std::string>& environment, std::stop_token stop);

}  // namespace slipway::registry
