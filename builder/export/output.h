#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/oci/platform.h"

namespace slipway::builder {

enum class LayerCompression { kGzip, kZstd, kNone };

struct Annotation {
  enum class Level { kManifest, kIndex, kManifestDescriptor, kIndexDescriptor };
  Level level = Level::kManifest;
  std::optional<registry::Platform> platform;  // of the images that get it; none: all
  std::string key;
  std::string value;
};

// Where a build's result goes, as `--output` says.
struct Output {
  enum class Kind { kImage, kOci, kDocker, kLocal, kTar, kRegistry, kCacheOnly };
  Kind kind = Kind::kImage;
  std::string destination;  // file (oci, docker, tar; "-" is standard output) or directory (local)
  std::vector<std::string> names;  // besides the tags of the build
  bool push = false;               // kImage: also to the registry; kRegistry always
  bool as_directory = false;       // kOci with tar=false: a layout folder
  LayerCompression compression = LayerCompression::kGzip;
  std::optional<int> compression_level;
  bool force_compression = false;       // also layers that came compressed otherwise
  std::optional<bool> oci_media_types;  // default: OCI for kOci, Docker's for the others' archives
  bool platform_split = true;           // kLocal, kTar of several platforms: one folder each
  bool rewrite_timestamp = false;       // no file of new layers is newer than SOURCE_DATE_EPOCH
  std::vector<Annotation> annotations;
  std::string attestation_prefix;  // kLocal, kTar: of the names of files with attestations
};

}  // namespace slipway::builder
