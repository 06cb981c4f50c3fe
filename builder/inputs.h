#pragma once

#include "builder/build.h"
#include "builder/ops/services.h"

namespace slipway::builder {

// What the sources of a build work with, and the steps; what only steps need is left empty.
OpServices source_services(const BuildRequest& request, const BuildServices& services);

}  // namespace slipway::builder
