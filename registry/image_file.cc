// Images found in layouts and docker archives, and their way into the store.
#include "registry/image_file.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/archive.h"
#include "registry/image_members.h"
#include "registry/oci/index.h"
#include "registry/oci/media_types.h"
#include "registry/oci_layout.h"

namespace slipway::registry {

namespace {

using base::cat;

constexpr std::string_view kContainerdName = "io.containerd.image.name";
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
// Docker's own indexes have one level, attestation stores two.
constexpr int kIndexDepthMax = 3;

std::string blob_name(const base::Digest& digest) {
  return cat("blobs/", digest.algorithm(), "/", digest.hex());
}

// A bare tag says nothing about the repository and is no name.
std::vector<std::string> names_of(const Annotations& annotations) {
  if (auto found = annotations.find(std::string(kContainerdName)); found != annotations.end()) {
    return {found->second};
  }
  auto found = annotations.find(std::string(kRefName));
  bool is_name =
      found != annotations.end() && found->second.find_first_of("/:") != std::string::npos;
  return is_name ? std::vector<std::string>{found->second} : std::vector<std::string>();
}

void add_names(FoundImage& image, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::find(image.names.begin(), image.names.end(), name) == image.names.end()) {
      image.names.push_back(name);
    }
  }
}

class FoundFile : public ImageFile {
 public:
  FoundFile(std::unique_ptr<ImageMembers> members, std::string what,
            std::optional<Platform> platform)
      : members_(std::move(members)), what_(std::move(what)), platform_(std::move(platform)) {
    if (std::optional<std::string> index = members_->find_text("index.json", kManifestBytesMax)) {
      find_in_layout(*index);
    }
    if (images_.empty()) {
      if (std::optional<std::string> list =
              members_->find_text("manifest.json", kManifestBytesMax)) {
        find_in_docker_archive(*list);
      }
    }
    if (images_.empty()) {
      base::fail(base::ErrorKind::kInput,
                 cat(what_, " holds no image", platform_ ? cat(" for ", platform_->text()) : ""),
                 "it must be what 'docker save' or 'slipway save' writes, or an OCI layout");
    }
  }

  const std::vector<FoundImage>& images() const override { return images_; }

  std::unique_ptr<base::Source> open(const Descriptor& layer) override {
    auto found = member_of_.find(layer.digest);
    std::string name = found == member_of_.end() ? blob_name(layer.digest) : found->second;
    return std::make_unique<base::VerifyingSource>(members_->open(name), layer.digest, layer.size,
                                                   cat(what_, ": ", name));
  }

 private:
  void find_in_layout(const std::string& text) {
    Index index = parse_index(text, {}, cat(what_, ": index.json"));
    for (const Descriptor& entry : index.manifests) {
      find_entry(entry, names_of(entry.annotations), 0);
    }
  }

  std::optional<std::string> document(const Descriptor& descriptor, std::size_t limit_bytes) const {
    std::string name = blob_name(descriptor.digest);
    if (!members_->find_size(name)) {
      return std::nullopt;
    }
    base::VerifyingSource source(members_->open(name), descriptor.digest, descriptor.size,
                                 cat(what_, ": ", name));
    return base::read_all(source, limit_bytes, name);
  }

  void find_entry(const Descriptor& entry, const std::vector<std::string>& names, int depth) {
    if (is_attestation(entry) || depth > kIndexDepthMax) {
      return;
    }
    std::optional<std::string> bytes = document(entry, kManifestBytesMax);
    if (!bytes) {
      return;
    }
    std::string what = cat(what_, ": ", entry.digest.text());
    if (is_manifest(document_media_type(*bytes, entry.media_type, what))) {
      add_manifest(entry, *bytes, names);
      return;
    }
    Index index = parse_index(*bytes, entry.media_type, what);
    if (platform_) {
      if (const Descriptor* chosen = find_platform(index, *platform_)) {
        find_entry(*chosen, names, depth + 1);
      }
      return;
    }
    for (const Descriptor& inner : index.manifests) {
      find_entry(inner, names, depth + 1);
    }
  }

  void add_manifest(const Descriptor& entry, const std::string& bytes,
                    const std::vector<std::string>& names) {
    for (FoundImage& image : images_) {
      if (image.manifest.descriptor.digest == entry.digest) {
        add_names(image, names);
        return;
      }
    }
    std::string what = cat(what_, ": ", entry.digest.text());
    Manifest manifest = parse_manifest(bytes, entry.media_type, what);
    std::optional<std::string> config_bytes = document(manifest.config, kConfigBytesMax);
    if (!config_bytes || !is_image_config(manifest.config.media_type) ||
        !has_all(manifest.layers)) {
      return;
    }
    ImageConfig config = parse_image_config(*config_bytes, cat(what, ": config"));
    check_image(manifest, config, what);
    Descriptor descriptor{manifest.media_type, entry.digest, entry.size};
    images_.push_back({{descriptor, bytes},
                       false,
                       std::move(*config_bytes),
                       std::move(config),
                       manifest.layers,
                       names});
  }

  // Of other platforms an archive may have the manifest alone.
  bool has_all(const std::vector<Descriptor>& layers) const {
    return std::all_of(layers.begin(), layers.end(), [&](const Descriptor& layer) {
      return members_->find_size(blob_name(layer.digest)).has_value();
    });
  }

  void find_in_docker_archive(const std::string& text) {
    nlohmann::json list = base::parse_json(text, cat(what_, ": manifest.json"));
    if (!list.is_array()) {
      base::fail(base::ErrorKind::kInput, cat(what_, ": manifest.json is no list"));
    }
    for (const nlohmann::json& element : list) {
      add_docker_image(element);
    }
  }

  std::vector<std::string> texts(const nlohmann::json& element, const char* member) const {
    std::vector<std::string> out;
    auto found = element.find(member);
    if (found == element.end() || found->is_null()) {
      return out;
    }
    bool is_list = found->is_array() && std::all_of(found->begin(), found->end(),
                                                    [](const auto& e) { return e.is_string(); });
    if (!is_list) {
      base::fail(base::ErrorKind::kInput,
                 cat(what_, ": manifest.json: ", member, " is no list of texts"));
    }
    return found->get<std::vector<std::string>>();
  }

  void add_docker_image(const nlohmann::json& element) {
    std::string config_name =
        element.is_object() ? base::json_text(element, "Config", what_) : std::string();
    std::optional<std::string> config_bytes = members_->find_text(config_name, kConfigBytesMax);
    if (!config_bytes) {
      base::fail(base::ErrorKind::kInput,
                 cat(what_, ": there is no config ", base::quote(config_name)));
    }
    ImageConfig config = parse_image_config(*config_bytes, cat(what_, ": ", config_name));
    std::vector<Descriptor> layers;
    for (const std::string& name : texts(element, "Layers")) {
      layers.push_back(describe_member(name));
    }
    Manifest manifest{
        .media_type = std::string(media_types::kDockerManifest),
        .artifact_type = {},
        .config = {std::string(media_types::kDockerConfig), base::sha256_of(*config_bytes),
                   static_cast<std::int64_t>(config_bytes->size())},
        .layers = layers,
        .subject = std::nullopt,
        .annotations = {}};
    check_image(manifest, config, what_);
    std::string bytes = serialise(manifest);
    Descriptor descriptor{manifest.media_type, base::sha256_of(bytes),
                          static_cast<std::int64_t>(bytes.size())};
    images_.push_back({{descriptor, std::move(bytes)},
                       true,
                       std::move(*config_bytes),
                       std::move(config),
                       std::move(layers),
                       texts(element, "RepoTags")});
  }

  // A layer of a docker archive has only a name: its digest is that of its bytes.
  Descriptor describe_member(const std::string& name) {
    if (!members_->find_size(name)) {
      base::fail(base::ErrorKind::kInput, cat(what_, ": there is no layer ", base::quote(name)));
    }
    std::string magic(base::kMagicBytes, '\0');
    magic.resize(base::read_full(*members_->open(name), magic));
    base::HashingSink hash(nullptr);
    base::copy_stream(*members_->open(name), hash);
    hash.finish();
    member_of_.emplace(hash.digest(), name);
    base::Compression found = base::detect_compression(magic);
    Compression compression = found == base::Compression::kGzip   ? Compression::kGzip
                              : found == base::Compression::kZstd ? Compression::kZstd
                                                                  : Compression::kNone;
    return {std::string(layer_media_type(Family::kDocker, compression)), hash.digest(),
            static_cast<std::int64_t>(hash.size())};
  }

  std::unique_ptr<ImageMembers> members_;
  std::string what_;
  std::optional<Platform> platform_;
  std::vector<FoundImage> images_;
  std::map<base::Digest, std::string> member_of_;  // layers of docker archives
};

std::uint64_t known_size(cache::Store& store, const cache::DiffId& diff_id) {
  std::optional<cache::LayerRow> row = store.layers().find(diff_id);
  return row ? row->tar_size : 0;
}

std::vector<Reference> references_of(const FoundImage& image, const TransferObserver& observer) {
  std::vector<Reference> references;
  for (const std::string& name : image.names) {
    if (auto reference = Reference::parse(name)) {
      references.push_back(reference->with_default_tag());
    } else if (observer) {
      observer({.kind = TransferEvent::Kind::kWarning,
                .text = cat("the name ", base::quote(name), " is left out: ", reference.error())});
    }
  }
  return references;
}

LoadedImage load_image(ImageFile& file, const FoundImage& image, cache::Store& store,
                       LayerSink& layers, const TransferObserver& observer,
                       const std::stop_token& stop) {
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    if (!layers.has(image.config.diff_ids[i])) {
      layers.put(file.open(image.layers[i]), image.layers[i], image.config.diff_ids[i], stop);
    }
  }
  LoadedImage loaded{{.id = cache::ImageId(store.blobs().put(image.config_bytes).digest),
                      .platform = normalise(image.config.platform).text(),
                      .created = image.config.created.value_or(base::Timestamp{}),
                      .added = {},
                      .size = 0,
                      .layers = image.config.diff_ids,
                      .received = std::nullopt,
                      .other_blobs = {}},
                     references_of(image, observer)};
  if (!image.made) {
    store.blobs().put(image.manifest.bytes);
    loaded.image.received = {image.manifest.descriptor.digest,
                             image.manifest.descriptor.media_type};
  }
  for (const cache::DiffId& diff_id : image.config.diff_ids) {
    loaded.image.size += known_size(store, diff_id);
  }
  cache::Batch batch;
  batch.images.push_back(loaded.image);
  for (const Reference& name : loaded.names) {
    batch.names.push_back({name.canonical(), loaded.image.id, {}});
  }
  store.commit(batch);
  return loaded;
}

}  // namespace

std::vector<LoadedImage> load(ImageFile& file, cache::Store& store, LayerSink& layers,
                              const TransferObserver& observer, std::stop_token stop) {
  std::vector<LoadedImage> loaded;
  for (const FoundImage& image : file.images()) {
    loaded.push_back(load_image(file, image, store, layers, observer, stop));
  }
  return loaded;
}

std::unique_ptr<ImageFile> open_layout(const std::string& directory,
                                       const OpenImageOptions& options) {
  return std::make_unique<FoundFile>(open_folder_members(directory), directory, options.platform);
}

std::unique_ptr<ImageFile> open_archive(base::Fd file, std::string_view what,
                                        const OpenImageOptions& options, std::stop_token stop) {
  return std::make_unique<FoundFile>(
      open_archive_members(std::move(file), what, options.scratch_directory, std::move(stop)),
      std::string(what), options.platform);
}

}  // namespace slipway::registry
