#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/oci/descriptor.h"
#include "registry/oci/media_types.h"

namespace slipway::registry {

// A registry must take manifests of 4 MiB; twice that is far from anything seen.
inline constexpr std::size_t kManifestBytesMax = 8 * 1024 * 1024;
// Docker stops at 127 layers, artifacts may have more files; an upper bound for what we allocate.
inline constexpr std::size_t kManifestEntriesMax = 10'000;

// One image (or artifact): a config and its layers, base first. OCI image-spec, manifest.md, and
// Docker's schema 2, which differ in media types only.
struct Manifest {
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  Annotations annotations;

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// kInput for anything that is not one manifest: other types, a media type that differs from
// `media_type` (which is the Content-Type it came with, or empty if unknown), both `layers` and
// `manifests`, sizes below zero, bad digests, more than the limits. `what` names it in the message.
// Keep the bytes: a document that is passed on is never written anew.
Manifest parse_manifest(std::string_view bytes, std::string_view media_type, std::string_view what);

// Deterministic; two spaces of indentation and the order of members that Docker's tools write.
std::string serialise(const Manifest& manifest);

}  // namespace slipway::registry
