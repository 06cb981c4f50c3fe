#pragma once

#include <string_view>

#include "builder/sandbox/spec.h"

namespace slipway::builder {

// The runtime of this name: an absolute path, or a program in the folders of `path` (as in $PATH).
// With an empty name the first of crun, runc and runsc. kNotFound, with what to install, where it
// is not there.
OciRuntime find_oci_runtime(std::string_view name, std::string_view path);

}  // namespace slipway::builder
