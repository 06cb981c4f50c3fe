// What the tables about images and names hold: plain values, rows of Store::commit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "cache/content/ids.h"

namespace slipway::cache {

// A manifest document that describes an image, stored as a blob.
struct ManifestRef {
  base::Digest digest;
  std::string media_type;
  friend bool operator==(const ManifestRef&, const ManifestRef&) = default;
};

// A local image: a config blob and the layers that it names.
struct ImageRow {
  ImageId id;
  std::string platform;     // "linux/arm64/v8"
  base::Timestamp created;  // as the config says
  base::Timestamp added;    // set by the store where it is 0
  std::uint64_t size = 0;   // of its layers, uncompressed, as known when it came
  std::vector<DiffId> layers;
  std::optional<ManifestRef> received;    // as it came; pushing it back is byte-identical
  std::vector<base::Digest> other_blobs;  // further documents that live as long as the image
  friend bool operator==(const ImageRow&, const ImageRow&) = default;
};

// The manifest that was made for a built image and a way of compressing its layers.
struct BuiltManifestRow {
  ImageId image;
  std::string compression;  // the encoder's id, as in LayerBlobRow
  ManifestRef manifest;
  friend bool operator==(const BuiltManifestRow&, const BuiltManifestRow&) = default;
};

// A manifest about an image that is here: attestations. Those of a batch take the place of all that
// its image had.
struct ReferrerRow {
  ImageId image;
  ManifestRef manifest;
  base::Digest subject;             // the image's manifest
  std::vector<base::Digest> blobs;  // config and layers of `manifest`
  friend bool operator==(const ReferrerRow&, const ReferrerRow&) = default;
};

// An index (manifest list): its own bytes as received or made, and the images of it that are here.
// Writing it again adds to them.
struct IndexRow {
  ManifestRef index;
  std::vector<ImageId> images;
  std::vector<base::Digest> other_blobs;  // member manifests, attestations
  friend bool operator==(const IndexRow&, const IndexRow&) = default;
};

// What a name stands for.
using NameTarget = std::variant<ImageId, base::Digest /* of an index */>;

struct NameRow {
  std::string reference;  // normal form: "docker.io/library/debian:12"
  NameTarget target;
  base::Timestamp updated;  // set by the store where it is 0
  friend bool operator==(const NameRow&, const NameRow&) = default;
};

// A repository is known to have (or have had) the image under this manifest or index digest:
// "debian@sha256:…". Learnt by pulls and pushes.
struct RepositoryDigestRow {
  ImageId image;
  std::string repository;  // normal form: "docker.io/library/debian"
  base::Digest digest;
  friend bool operator==(const RepositoryDigestRow&, const RepositoryDigestRow&) = default;
};

}  // namespace slipway::cache
