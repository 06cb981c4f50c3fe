#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "registry/oci/image_config.h"
#include "registry/oci/platform.h"

namespace slipway::cmd {

// What --change says, one instruction each (CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL,
// ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR), applied to the config as a Dockerfile would
// that begins with it. kUsage for anything else.
registry::ContainerConfig changed_config(const std::vector<std::string>& changes,
                                         const registry::ContainerConfig& config,
                                         const registry::Platform& platform, std::stop_token stop);

}  // namespace slipway::cmd
