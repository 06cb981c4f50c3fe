#pragma once

// What --build-context names, and where the main context comes from.

#include <optional>
#include <string>
#include <string_view>

namespace slipway::builder {

struct BuildContext {
  enum class Kind {
    kLocal,      // a directory
    kImage,      // docker-image://reference
    kOciLayout,  // oci-layout://directory[:tag][@digest]
    kGit,        // a git reference (language reference, section 8, ADD)
    kHttp,       // http:// or https://: one file, called "context"
  };
  Kind kind = Kind::kLocal;
  std::string text;  // without docker-image:// and oci-layout://

  friend bool operator==(const BuildContext&, const BuildContext&) = default;
};

// The value of --build-context, and the context argument of a build. Whether a directory exists is
// not looked at.
BuildContext parse_build_context(std::string_view value);

// The key under which a named context is looked up: the familiar form of an image name without
// ":latest", with its "::os/arch" at the end kept. Nothing where the name could stand for neither
// image nor stage.
std::optional<std::string> context_key(std::string_view name);

}  // namespace slipway::builder
