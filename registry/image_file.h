#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/stream.h"
#include "cache/store.h"
#include "registry/client.h"
#include "registry/oci/image_config.h"
#include "registry/oci/manifest.h"
#include "registry/pull.h"

namespace slipway::registry {

// An image found in a file.
struct FoundImage {
  Document manifest;  // as it lies there; made (Docker's form, never seen by a registry) for
                      // docker-archives without one: then `made` is true
  bool made = false;
  std::string config_bytes;
  ImageConfig config;
  std::vector<Descriptor> layers;  // base first
  std::vector<std::string> names;  // as the file has them
};

// A manifest in a file that is no image's, with what it names: attestations.
struct FoundDocument {
  Document manifest;
  std::string config_bytes;
  std::vector<Descriptor> layers;
};

// An index that index.json names, as far as its entries are in the file.
struct FoundIndex {
  Document index;
  bool is_whole = false;  // all of them are, and none is an index
  std::vector<std::string> names;
  std::vector<base::Digest> images;  // manifests of images() that are in it
  std::vector<FoundDocument> others;
};

// A layout folder or an archive that is read. Members of archives are looked at as data only:
// nothing is unpacked by its name, links are followed inside the archive and only so deep. One
// thread at a time.
class ImageFile {
 public:
  virtual ~ImageFile() = default;
  // In the order of the file; indexes are followed for `platform` (nothing: every image in them
  // whose blobs are here).
  virtual const std::vector<FoundImage>& images() const = 0;
  // Where no platform was asked for: indexes above the images, and what refers to the images.
  virtual const std::vector<FoundIndex>& indexes() const = 0;
  virtual const std::vector<FoundDocument>& referrers() const = 0;
  // The bytes of a layer of any of them, verified as they are read.
  virtual std::unique_ptr<base::Source> open(const Descriptor& layer) = 0;
};

struct OpenImageOptions {
  std::optional<Platform> platform;
  // Where bytes are kept that can't be read twice in place (a pipe, a compressed archive): an own
  // empty folder of the caller.
  std::string scratch_directory;
};
// Brings images of a file into the store: layers that `layers` lacks, documents, rows and names,
// with the indexes above them and what is said of them. The name of an index stands for all its
// images where all of it is here and one of them runs here; else for one of them.
struct LoadedImage {
  cache::ImageRow image;
  std::vector<Reference> names;
};
std::vector<LoadedImage> load(ImageFile& file, cache::Store& store, LayerSink& layers,
                              const TransferObserver& observer, std::stop_token stop);

}  // namespace slipway::registry
