#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "registry/oci/platform.h"

namespace slipway::registry {

// Sorted by key, so documents made from the same values are the same bytes.
using Annotations = std::map<std::string, std::string>;

// A pointer to content. OCI image-spec, descriptor.md.
struct Descriptor {
  std::string media_type;
  base::Digest digest;
  std::int64_t size = 0;
  std::vector<std::string> urls;
  Annotations annotations;
  std::string data;  // the content itself, decoded; empty where the document has none
  std::optional<Platform> platform;
  std::string artifact_type;

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace slipway::registry
