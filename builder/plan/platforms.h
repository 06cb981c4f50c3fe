#pragma once

// Platforms as the Dockerfile language writes them.

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "builder/plan/environment.h"
#include "registry/oci/platform.h"

namespace slipway::builder {

// "os[(osversion)]/arch[/variant]".
std::string platform_text(const registry::Platform& platform);

// The value of FROM --platform. The errors are those users know, for instance «"" is an invalid
// component of "linux/": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid
// argument».
std::expected<registry::Platform, std::string> parse_from_platform(std::string_view text);

// What `variables` say of the platform that is built for, in TARGETPLATFORM or else TARGETOS,
// TARGETARCH and TARGETVARIANT; nothing where none of them is set.
std::optional<registry::Platform> declared_platform(const Environment& variables);

}  // namespace slipway::builder
