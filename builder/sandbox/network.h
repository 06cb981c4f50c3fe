#pragma once

#include <optional>
#include <string_view>

#include "builder/sandbox/spec.h"

namespace slipway::builder {

// The first of pasta and slirp4netns found in the folders of `path` (as in $PATH); nothing where
// neither is installed.
std::optional<UserNetwork> find_user_network(std::string_view path);

}  // namespace slipway::builder
