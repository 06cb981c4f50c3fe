#include "registry/oci/media_types.h"

namespace slipway::registry {

namespace {

constexpr std::string_view kOciLayerPrefix = "application/vnd.oci.image.layer.";
constexpr std::string_view kOciForeignPrefix = "application/vnd.oci.image.layer.nondistributable.";
constexpr std::string_view kDockerLayerPrefix = "application/vnd.docker.image.rootfs.";
constexpr std::string_view kDockerForeignPrefix = "application/vnd.docker.image.rootfs.foreign.";
constexpr std::string_view kSchema1Prefix = "application/vnd.docker.distribution.manifest.v1+";

}  // namespace

bool is_index(std::string_view media_type) {
  return media_type == media_types::kOciIndex || media_type == media_types::kDockerList;
}

bool is_manifest(std::string_view media_type) {
  return media_type == media_types::kOciManifest || media_type == media_types::kDockerManifest;
}

bool is_image_config(std::string_view media_type) {
  return media_type == media_types::kOciConfig || media_type == media_types::kDockerConfig;
}

bool is_layer(std::string_view media_type) {
  return media_type.starts_with(kOciLayerPrefix) || media_type.starts_with(kDockerLayerPrefix);
}

bool is_foreign_layer(std::string_view media_type) {
  return media_type.starts_with(kOciForeignPrefix) || media_type.starts_with(kDockerForeignPrefix);
}

bool is_schema1(std::string_view media_type) {
  return media_type.starts_with(kSchema1Prefix);
}

Compression compression_of(std::string_view media_type) {
  if (media_type.ends_with("gzip")) {
    return Compression::kGzip;
  }
  return media_type.ends_with("zstd") ? Compression::kZstd : Compression::kNone;
}

std::string_view layer_media_type(Family family, Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return family == Family::kOci ? media_types::kOciLayerGzip : media_types::kDockerLayerGzip;
    case Compression::kZstd:
      return media_types::kOciLayerZstd;
    case Compression::kNone:
      break;
  }
  return family == Family::kOci ? media_types::kOciLayer : media_types::kDockerLayer;
}

std::string_view manifest_media_type(Family family) {
  return family == Family::kOci ? media_types::kOciManifest : media_types::kDockerManifest;
}

std::string_view config_media_type(Family family) {
  return family == Family::kOci ? media_types::kOciConfig : media_types::kDockerConfig;
}

std::string_view index_media_type(Family family) {
  return family == Family::kOci ? media_types::kOciIndex : media_types::kDockerList;
}

Family family_of(std::string_view media_type) {
  return media_type.starts_with("application/vnd.docker.") ? Family::kDocker : Family::kOci;
}

}  // namespace slipway::registry
