#pragma once

#include "builder/build.h"
#include "builder/ops/services.h"

namespace slipway::builder {

// Has a build argument that asks the builder for something a value that means yes, as Go's
// strconv.ParseBool reads it? ("1", "t", "true", ...)
bool is_set(const BuildRequest& request, const std::string& argument);

// What the sources of a build work with, and the steps; what only steps need is left empty.
OpServices source_services(const BuildRequest& request, const BuildServices& services);

}  // namespace slipway::builder
