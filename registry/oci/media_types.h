#pragma once

#include <string_view>

#include "cache/records/rows.h"

namespace slipway::registry {

// The two families of documents in the field: Docker's (schema 2) and OCI's. The contents are the
// same, the names are not, and one manifest should not mix them.
namespace media_types {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kOciEmpty = "application/vnd.oci.empty.v1+json";

inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";

// One line for all: several registries read only the first Accept header.
inline constexpr std::string_view kAcceptManifests =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json";
}  // namespace media_types

enum class Family { kOci, kDocker };
using cache::Compression;

bool is_index(std::string_view media_type);
bool is_manifest(std::string_view media_type);
// An image's config of either family; artifacts have others.
bool is_image_config(std::string_view media_type);
// Any layer tar, foreign ones too.
bool is_layer(std::string_view media_type);
// Layers that some owner allows to be fetched only from its own URLs, in both families.
bool is_foreign_layer(std::string_view media_type);
// Docker's schema 1, of 2014, which nobody should meet any more.
bool is_schema1(std::string_view media_type);

// By the end of the name. Meaningful for layers only.
Compression compression_of(std::string_view media_type);
// Docker has no name for zstd that registries take: the OCI one is given.
std::string_view layer_media_type(Family family, Compression compression);
std::string_view manifest_media_type(Family family);
std::string_view config_media_type(Family family);
std::string_view index_media_type(Family family);
// Docker's names start with application/vnd.docker.
Family family_of(std::string_view media_type);

}  // namespace slipway::registry
