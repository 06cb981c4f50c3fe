#include "registry/image_reader.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/compress.h"
#include "base/digester.h"
#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "registry/bundle_files.h"
#include "registry/oci/index.h"

// Two kinds of description may lie in one archive. manifest.json (Docker's) says which images there
// are and what they are called; index.json (OCI's) has the manifests as they were pushed. Where
// both speak of an image, Docker's names and the OCI manifest are taken, so that its digest stays.

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;
using Json = nlohmann::json;

constexpr std::size_t kImagesMax = 10'000;
constexpr std::string_view kFormsHint =
    "it must be what `slipway save` or `docker save` writes, or an OCI layout; `slipway import` "
    "makes "
    "an image of a plain root file system";

struct Found {
  std::vector<FoundImage> images;
  std::vector<FoundIndex> indexes;
  std::vector<FoundDocument> referrers;
  std::map<base::Digest, std::string> places;  // of layers
};

class FoundImages : public ImageFile {
 public:
  FoundImages(std::unique_ptr<ImageMembers> members, Found found)
      : members_(std::move(members)), found_(std::move(found)) {}

  const std::vector<FoundImage>& images() const override { return found_.images; }
  const std::vector<FoundIndex>& indexes() const override { return found_.indexes; }
  const std::vector<FoundDocument>& referrers() const override { return found_.referrers; }

  std::unique_ptr<base::Source> open(const Descriptor& layer) override {
    auto place = found_.places.find(layer.digest);
    if (place == found_.places.end()) {
      fail(ErrorKind::kInternal, cat(members_->name(), " has no layer ", layer.digest.text()));
    }
    return std::make_unique<base::VerifyingSource>(
        members_->open(place->second), layer.digest, layer.size,
        cat("layer ", place->second, " of ", members_->name()));
  }

 private:
  std::unique_ptr<ImageMembers> members_;
  Found found_;
};

class ImageReader {
 public:
  ImageReader(ImageMembers& members, const OpenImageOptions& options, std::stop_token stop)
      : members_(&members), options_(&options), stop_(std::move(stop)) {}

  Found read() {
    std::optional<std::string> index =
        find_text(*members_, std::string(kIndexFile), kManifestBytesMax);
    std::optional<std::string> docker =
        find_text(*members_, std::string(kDockerManifestFile), kManifestBytesMax);
    if (!index && !docker) {
      fail(ErrorKind::kInput,
           cat(members_->name(), " is no image: it has neither ", kIndexFile, " nor ",
               kDockerManifestFile),
           std::string(kFormsHint));
    }
    if (index) {
      std::string what = cat(kIndexFile, " of ", members_->name());
      take_index(parse_index(*index, "", what), {docker ? Level::kUnderDocker : Level::kTop});
    }
    if (docker) {
      take_docker(*docker);
    }
    if (images_.empty()) {
      fail(ErrorKind::kInput,
           cat(members_->name(), " has no image",
               options_->platform ? cat(" for ", options_->platform->text()) : ""),
           std::string(kFormsHint));
    }
    return {.images = std::move(images_),
            .indexes = std::move(indexes_),
            .referrers = std::move(referrers_),
            .places = std::move(places_)};
  }

 private:
  // Beside a manifest.json, images of an index.json are looked at for their manifests only.
  enum class Level { kTop, kUnderDocker };
  // Where the reader is below index.json.
  struct Place {
    Level level = Level::kTop;
    int depth = 0;
    std::string name = {};
    FoundIndex* above = nullptr;  // the index that index.json names; null in index.json itself
  };
  // Of several images of one config, the first.
  using ByConfig = std::map<base::Digest, const FoundImage*>;

  std::string blob_text(const Descriptor& descriptor, std::size_t limit_bytes) {
    std::string path = blob_path(descriptor.digest);
    std::optional<std::uint64_t> size = members_->find_size(path);
    std::string what = cat(path, " of ", members_->name());
    if (!size) {
      fail(ErrorKind::kInput, cat(what, " is missing"));
    }
    base::VerifyingSource source(members_->open(path), descriptor.digest, descriptor.size, what);
    return base::read_all(source, limit_bytes, what);
  }

  bool is_here(const Descriptor& descriptor) {
    return members_->find_size(blob_path(descriptor.digest)).has_value();
  }

  static std::string name_of(const Descriptor& entry) {
    for (std::string_view key : {kContainerdName, kRefName}) {
      if (auto found = entry.annotations.find(std::string(key)); found != entry.annotations.end()) {
        return found->second;
      }
    }
    return "";
  }

  // The entries that are wanted: of those under one name, the one for the platform.
  std::vector<const Descriptor*> chosen(const Index& index, bool is_root) {
    std::vector<const Descriptor*> list;
    std::map<std::string, Index> groups;
    for (const Descriptor& entry : index.manifests) {
      if (is_attestation(entry)) {
        continue;
      }
      list.push_back(&entry);
      groups[is_root ? name_of(entry) : ""].manifests.push_back(entry);
    }
    if (!options_->platform) {
      return list;
    }
    std::erase_if(list, [&](const Descriptor* entry) {
      const Index& group = groups[is_root ? name_of(*entry) : ""];
      bool has_choice =
          std::any_of(group.manifests.begin(), group.manifests.end(),
                      [&](const Descriptor& other) { return other.digest != entry->digest; });
      const Descriptor* best = find_platform(group, *options_->platform);
      return has_choice && entry->platform && (best == nullptr || best->digest != entry->digest);
    });
    return list;
  }

  void take_index(const Index& index, const Place& place) {
    for (const Descriptor* entry : chosen(index, place.depth == 0)) {
      base::throw_if_stopped(stop_);
      Place below = place;
      below.name = place.depth == 0 ? name_of(*entry) : place.name;
      // Archives of one platform have the index of all of them.
      if (!is_here(*entry)) {
        if (options_->platform && place.level == Level::kTop) {
          blob_text(*entry, kManifestBytesMax);
        }
        continue;
      }
      if (is_index(entry->media_type)) {
        take_inner(*entry, std::move(below));
      } else {
        take_manifest(*entry, below);
      }
    }
    if (!options_->platform) {
      take_attestations(index, place.above);
    }
  }

  void take_inner(const Descriptor& entry, Place place) {
    if (place.depth == kIndexDepthMax) {
      fail(ErrorKind::kInput,
           cat(members_->name(), ": indexes within indexes, more than ", kIndexDepthMax));
    }
    std::string text = blob_text(entry, kManifestBytesMax);
    Index index = parse_index(text, entry.media_type, cat("index ", entry.digest.text()));
    ++place.depth;
    if (place.above != nullptr || options_->platform) {
      take_index(index, place);
      return;
    }
    FoundIndex found{.index = {.descriptor = {.media_type = index.media_type,
                                              .digest = entry.digest,
                                              .size = entry.size},
                               .bytes = std::move(text)},
                     .names = {},
                     .images = {},
                     .others = {}};
    place.above = &found;
    take_index(index, place);
    found.is_whole = found.images.size() + found.others.size() == index.manifests.size();
    add_index(std::move(found), place.name);
  }

  void add_index(FoundIndex found, const std::string& name) {
    auto [number, is_new] =
        index_numbers_.try_emplace(found.index.descriptor.digest, indexes_.size());
    if (is_new) {
      indexes_.push_back(std::move(found));
    }
    if (!name.empty()) {
      indexes_[number->second].names.push_back(name);
    }
  }

  // Entries that are no images: of an index, or, in index.json, manifests with a subject.
  void take_attestations(const Index& index, FoundIndex* above) {
    for (const Descriptor& entry : index.manifests) {
      if (!is_attestation(entry) || !is_manifest(entry.media_type) || !is_here(entry)) {
        continue;
      }
      std::string what = cat("attestations ", entry.digest.text(), " of ", members_->name());
      std::string bytes = blob_text(entry, kManifestBytesMax);
      Manifest manifest = parse_manifest(bytes, entry.media_type, what);
      if (above == nullptr && !manifest.subject) {
        continue;
      }
      for (const Descriptor& layer : manifest.layers) {
        take_layer(layer);
      }
      FoundDocument document{.manifest = {.descriptor = {.media_type = manifest.media_type,
                                                         .digest = entry.digest,
                                                         .size = entry.size},
                                          .bytes = std::move(bytes)},
                             .config_bytes = blob_text(manifest.config, kConfigBytesMax),
                             .layers = std::move(manifest.layers)};
      (above == nullptr ? referrers_ : above->others).push_back(std::move(document));
    }
  }

  void take_manifest(const Descriptor& entry, const Place& place) {
    const std::string& name = place.name;
    if (auto known = image_numbers_.find(entry.digest); known != image_numbers_.end()) {
      if (!name.empty()) {
        images_[known->second].names.push_back(name);
      }
      note_member(place, entry);
      return;
    }
    std::string what = cat("image ", entry.digest.text(), " of ", members_->name());
    std::string bytes = blob_text(entry, kManifestBytesMax);
    Manifest manifest = parse_manifest(bytes, entry.media_type, what);
    if (!is_image_config(manifest.config.media_type)) {
      return;  // an artifact
    }
    bool is_complete = is_here(manifest.config) &&
                       std::all_of(manifest.layers.begin(), manifest.layers.end(),
                                   [&](const Descriptor& layer) { return is_here(layer); });
    if (!is_complete && place.level == Level::kUnderDocker) {
      return;
    }
    note_member(place, entry);
    std::string config_bytes = blob_text(manifest.config, kConfigBytesMax);
    ImageConfig config = parse_image_config(config_bytes, cat("config of ", what));
    check_image(manifest, config, what);
    for (const Descriptor& layer : manifest.layers) {
      take_layer(layer);
    }
    image_numbers_.emplace(entry.digest, images_.size());
    add({.manifest = {.descriptor = {.media_type = manifest.media_type,
                                     .digest = entry.digest,
                                     .size = entry.size},
                      .bytes = std::move(bytes)},
         .config_bytes = std::move(config_bytes),
         .config = std::move(config),
         .layers = manifest.layers,
         .names = name.empty() ? std::vector<std::string>{} : std::vector{name}});
  }

  static void note_member(const Place& place, const Descriptor& entry) {
    if (place.above != nullptr) {
      place.above->images.push_back(entry.digest);
    }
  }

  void take_layer(const Descriptor& layer) {
    std::string path = blob_path(layer.digest);
    if (!members_->find_size(path)) {
      fail(ErrorKind::kInput, cat("layer ", path, " of ", members_->name(), " is missing"));
    }
    places_.emplace(layer.digest, path);
  }

  void add(FoundImage image) {
    if (images_.size() == kImagesMax) {
      fail(ErrorKind::kInput, cat(members_->name(), " has more than ", kImagesMax, " images"));
    }
    images_.push_back(std::move(image));
  }

  // --- manifest.json ---

  void take_docker(const std::string& text) {
    std::string what = cat(kDockerManifestFile, " of ", members_->name());
    Json list = base::parse_json(text, what);
    if (!list.is_array()) {
      fail(ErrorKind::kInput, cat(what, " is not a list"));
    }
    std::vector<FoundImage> from_index = std::exchange(images_, {});
    ByConfig by_config;
    for (const FoundImage& image : from_index) {
      by_config.emplace(base::sha256_of(image.config_bytes), &image);
    }
    std::set<base::Digest> taken;
    for (const Json& entry : list) {
      base::throw_if_stopped(stop_);
      taken.insert(take_docker_image(entry, by_config, what));
    }
    // manifest.json has one image of an index; the others are below it.
    std::set<base::Digest> members;
    for (const FoundIndex& index : indexes_) {
      members.insert(index.images.begin(), index.images.end());
    }
    for (FoundImage& image : from_index) {
      if (!taken.contains(base::sha256_of(image.config_bytes)) &&
          members.contains(image.manifest.descriptor.digest)) {
        image.names.clear();
        add(std::move(image));
      }
    }
  }

  // Returns the digest of its config.
  base::Digest take_docker_image(const Json& entry, const ByConfig& from_index,
                                 const std::string& what) {
    std::string config_path = base::json_text(entry, "Config", what);
    std::optional<std::string> config_bytes = find_text(*members_, config_path, kConfigBytesMax);
    if (!config_bytes) {
      fail(ErrorKind::kInput,
           cat(what, " names the config ", base::quote(config_path), ", which is not there"));
    }
    base::Digest id = base::sha256_of(*config_bytes);
    check_name(config_path, *config_bytes);
    std::vector<std::string> names = texts(entry, "RepoTags", what);
    if (auto known = from_index.find(id); known != from_index.end()) {
      FoundImage image = *known->second;
      image.names = std::move(names);
      add(std::move(image));
      return id;
    }
    FoundImage image{.manifest = {.descriptor = {.digest = id}},
                     .made = true,
                     .config_bytes = *std::move(config_bytes),
                     .config = {},
                     .names = std::move(names)};
    image.config = parse_image_config(image.config_bytes,
                                      cat("config ", config_path, " of ", members_->name()));
    make_manifest(image, texts(entry, "Layers", what), what);
    add(std::move(image));
    return id;
  }

  static std::vector<std::string> texts(const Json& object, const char* name,
                                        const std::string& what) {
    std::vector<std::string> result;
    auto found = object.is_object() ? object.find(name) : object.end();
    if (!object.is_object() || (found != object.end() && !found->is_null() && !found->is_array())) {
      fail(ErrorKind::kInput, cat(what, ": ", name, " of an image is not a list"));
    }
    if (found != object.end() && found->is_array()) {
      for (const Json& element : *found) {
        if (!element.is_string()) {
          fail(ErrorKind::kInput, cat(what, ": ", name, " of an image is not a list of strings"));
        }
        result.push_back(element.get<std::string>());
      }
    }
    return result;
  }

  // A name that is a digest must be the content's: "<hex>.json", "blobs/sha256/<hex>".
  void check_name(std::string_view path, std::string_view bytes) const {
    std::string_view name = path.substr(path.rfind('/') + 1);
    if (name.ends_with(".json")) {
      name.remove_suffix(5);
    }
    auto expected = base::Digest::parse(cat(name.size() == 128 ? "sha512:" : "sha256:", name));
    if (!expected) {
      return;
    }
    if (base::Digest got = base::digest_like(*expected, bytes); got != *expected) {
      fail(ErrorKind::kIntegrity, cat(path, " of ", members_->name(), ": expected digest ",
                                      expected->text(), ", got ", got.text()));
    }
  }

  void make_manifest(FoundImage& image, const std::vector<std::string>& paths,
                     const std::string& what) {
    if (paths.size() != image.config.diff_ids.size()) {
      fail(ErrorKind::kInput, cat(what, ": an image has ", paths.size(), " layers, but its config ",
                                  image.config.diff_ids.size()));
    }
    for (std::size_t i = 0; i < paths.size(); ++i) {
      image.layers.push_back(docker_layer(paths[i], image.config.diff_ids[i], what));
    }
    Manifest manifest{.media_type = std::string(media_types::kDockerManifest),
                      .config = {.media_type = std::string(media_types::kDockerConfig),
                                 .digest = base::sha256_of(image.config_bytes),
                                 .size = static_cast<std::int64_t>(image.config_bytes.size())},
                      .layers = image.layers};
    image.manifest.bytes = serialise(manifest);
    image.manifest.descriptor = {.media_type = manifest.media_type,
                                 .digest = base::sha256_of(image.manifest.bytes),
                                 .size = static_cast<std::int64_t>(image.manifest.bytes.size())};
  }

  Descriptor docker_layer(const std::string& path, const cache::DiffId& diff_id,
                          const std::string& what) {
    std::optional<std::uint64_t> size = members_->find_size(path);
    if (!size) {
      fail(ErrorKind::kInput,
           cat(what, " names the layer ", base::quote(path), ", which is not there"));
    }
    std::string first(base::kMagicBytes, '\0');
    first.resize(base::read_full(*members_->open(path), first));
    base::Compression compression = base::detect_compression(first);
    Descriptor layer{.media_type = std::string(media_types::kDockerLayer),
                     .digest = diff_id.digest(),
                     .size = static_cast<std::int64_t>(*size)};
    if (compression != base::Compression::kNone) {
      // Nothing says the digest of the compressed bytes: they are hashed here, and checked against
      // the diff ID when they are taken.
      layer.media_type = layer_media_type(Family::kDocker, compression == base::Compression::kZstd
                                                               ? Compression::kZstd
                                                               : Compression::kGzip);
      base::HashingSink hash(nullptr);
      base::copy_stream(*members_->open(path), hash, stop_);
      hash.finish();
      layer.digest = hash.digest();
    }
    places_.emplace(layer.digest, path);
    return layer;
  }

  ImageMembers* members_;  // these two are owned by the caller of read_images
  const OpenImageOptions* options_;
  std::stop_token stop_;
  std::vector<FoundImage> images_;
  std::map<base::Digest, std::size_t> image_numbers_;  // of index.json's, by manifest
  std::vector<FoundIndex> indexes_;
  std::map<base::Digest, std::size_t> index_numbers_;
  std::vector<FoundDocument> referrers_;
  std::map<base::Digest, std::string> places_;
};

}  // namespace

std::unique_ptr<ImageFile> read_images(std::unique_ptr<ImageMembers> members,
                                       const OpenImageOptions& options, std::stop_token stop) {
  Found found = ImageReader(*members, options, std::move(stop)).read();
  return std::make_unique<FoundImages>(std::move(members), std::move(found));
}

}  // namespace slipway::registry
