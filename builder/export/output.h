#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace slipway::builder {

enum class LayerCompression { kGzip, kZstd, kNone };

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
  std::map<std::string, std::string> annotations;
};

}  // namespace slipway::builder
