#pragma once

#include <string>

#include "cmd/environment.h"
#include "registry/registry_settings.h"

namespace slipway::cmd {

// What the machine's and the user's files say of registries: registries.conf with its folders, as
// podman reads them ($CONTAINERS_REGISTRIES_CONF is the only one if it is set), the aliases that
// podman has noted (`aliases_file`), daemon.json as dockerd does, and $SLIPWAY_HUB_MIRRORS. kInput
// for a file that can't be read as what it is.
registry::RegistrySettings read_registry_settings(const Environment& environment,
                                                  const std::string& aliases_file);

// Podman's short-name-aliases.conf; empty where there can't be one.
std::string aliases_file_of(const Environment& environment, bool is_root);

}  // namespace slipway::cmd
