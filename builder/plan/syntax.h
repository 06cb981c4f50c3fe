#pragma once

#include <map>
#include <string>
#include <string_view>

#include "builder/plan/planned.h"

namespace slipway::builder {

// `# syntax=` and the build argument BUILDKIT_SYNTAX, which replaces it: images of
// docker/dockerfile of any version, from whatever registry, mean the language that is built in
// here, and so does "dockerfile.v0". Another front end can't be run: the failure names the way to
// do without it.
Planned<void> check_syntax(std::string_view dockerfile,
                           const std::map<std::string, std::string>& build_args);

}  // namespace slipway::builder
