#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/oci/descriptor.h"

namespace slipway::registry {

// An index in an index is rare, three levels are nobody's; also the end of a circle.
inline constexpr int kIndexDepthMax = 3;

// Several manifests under one name, usually one for each platform. OCI image-spec, image-index.md,
// and Docker's manifest list.
struct Index {
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  Annotations annotations;

  friend bool operator==(const Index&, const Index&) = default;
};

// As parse_manifest. A document with `manifests` but no media type is an index.
Index parse_index(std::string_view bytes, std::string_view media_type, std::string_view what);

std::string serialise(const Index& index);

// The media type of a manifest or index: its own, else the Content-Type it came with, else what its
// members look like. kInput where it is neither (schema 1 is named), or the three disagree.
std::string document_media_type(std::string_view bytes, std::string_view content_type,
                                std::string_view what);

// True for entries that describe another entry (BuildKit's attestations) and are no image.
bool is_attestation(const Descriptor& entry);

// The entry for a platform: the wanted platform first, then those its processor also runs; among
// equals the first in the list. Attestations are never chosen. An entry without a platform does for
// any if it is the only image. Nothing where none fits.
const Descriptor* find_platform(const Index& index, const Platform& wanted);

}  // namespace slipway::registry
