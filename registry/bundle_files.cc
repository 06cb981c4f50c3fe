#include "registry/bundle_files.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "registry/oci/image_config.h"
#include "registry/oci/manifest.h"

namespace slipway::registry {

namespace {

using OrderedJson = nlohmann::ordered_json;

void add_text(std::map<std::string, BundleFile>& files, const base::Digest& digest,
              const std::string& bytes) {
  files.emplace(blob_path(digest), BundleFile{.size = bytes.size(), .open = [&bytes] {
                                                return std::make_unique<base::StringSource>(bytes);
                                              }});
}

void add_document(std::map<std::string, BundleFile>& files, const PushDocument& document) {
  add_text(files, digest_of(document), document.bytes);
}

base::Digest config_digest(const ExportImage& image) {
  return parse_manifest(image.manifest.bytes, image.manifest.media_type, "image").config.digest;
}

void add_blob(std::map<std::string, BundleFile>& files, const ExportBlob& blob) {
  files.emplace(blob_path(blob.descriptor.digest),
                BundleFile{.size = static_cast<std::uint64_t>(blob.descriptor.size),
                           .open = [&blob]() -> std::unique_ptr<base::Source> {
                             return std::make_unique<base::VerifyingSource>(
                                 blob.open(), blob.descriptor.digest, blob.descriptor.size,
                                 base::cat("blob ", blob.descriptor.digest.text()));
                           }});
}

void add_image(std::map<std::string, BundleFile>& files, const ExportImage& image) {
  add_document(files, image.manifest);
  add_text(files, config_digest(image), image.config);
  for (const ExportBlob& layer : image.layers) {
    add_blob(files, layer);
  }
}

// Of an image; nothing for a document that is none (an attestation in an index, say).
std::optional<Platform> platform_of(const ExportImage& image) {
  Manifest manifest = parse_manifest(image.manifest.bytes, image.manifest.media_type, "image");
  if (!is_image_config(manifest.config.media_type)) {
    return std::nullopt;
  }
  Platform platform = parse_image_config(image.config, "image to be written").platform;
  return platform.os == "unknown" ? std::nullopt : std::optional(std::move(platform));
}

void add_entries(Index& index, const Descriptor& entry, const std::vector<Reference>& names) {
  if (names.empty()) {
    index.manifests.push_back(entry);
  }
  for (const Reference& name : names) {
    Reference tagged = name.with_default_tag();
    Descriptor named = entry;
    named.annotations[std::string(kContainerdName)] = tagged.canonical();
    if (tagged.tag()) {
      named.annotations[std::string(kRefName)] = *tagged.tag();
    }
    index.manifests.push_back(std::move(named));
  }
}

void add_entries(Index& index, const PushDocument& document, const std::vector<Reference>& names,
                 const Annotations& annotations, const std::optional<Platform>& platform) {
  Descriptor entry = descriptor_of(document);
  entry.platform = platform;
  entry.annotations = annotations;
  add_entries(index, entry, names);
}

// An image of manifest.json with the names it has there.
struct DockerEntry {
  const ExportImage* image;
  const std::vector<Reference>* names;
};

std::vector<DockerEntry> docker_entries(const ExportBundle& bundle) {
  std::vector<DockerEntry> entries;
  if (!bundle.index) {
    for (const ExportImage& image : bundle.images) {
      entries.push_back({&image, &image.names});
    }
    return entries;
  }
  auto is_image = [](const ExportImage& image) { return platform_of(image).has_value(); };
  auto fits = [](const ExportImage& image) {
    std::optional<Platform> platform = platform_of(image);
    return platform && runs_on(*platform, host_platform());
  };
  auto chosen = std::find_if(bundle.images.begin(), bundle.images.end(), fits);
  if (chosen == bundle.images.end()) {
    chosen = std::find_if(bundle.images.begin(), bundle.images.end(), is_image);
  }
  if (chosen != bundle.images.end()) {
    entries.push_back({&*chosen, &bundle.index->names});
  }
  return entries;
}

// A tag is what Docker's file can say; a name by digest has none.
std::vector<std::string> repo_tags(const std::vector<Reference>& names) {
  std::vector<std::string> tags;
  for (const Reference& name : names) {
    Reference tagged = name.with_default_tag();
    if (tagged.tag()) {
      tags.push_back(base::cat(tagged.familiar_name(), ":", *tagged.tag()));
    }
  }
  return tags;
}

}  // namespace

std::string blob_path(const base::Digest& digest) {
  return base::cat("blobs/", digest.algorithm(), "/", digest.hex());
}

std::map<std::string, BundleFile> blob_files(const ExportBundle& bundle) {
  std::map<std::string, BundleFile> files;
  for (const ExportImage& image : bundle.images) {
    add_image(files, image);
  }
  for (const Attachment& attachment : bundle.attachments) {
    add_image(files, attachment.image);
  }
  if (bundle.index) {
    add_document(files, bundle.index->index);
    for (const PushDocument& inner : bundle.index->inner) {
      add_document(files, inner);
    }
  }
  return files;
}

std::set<std::string> blob_folders(const std::map<std::string, BundleFile>& files) {
  std::set<std::string> folders = {"blobs/sha256"};
  for (const auto& [path, file] : files) {
    folders.insert(path.substr(0, path.rfind('/')));
  }
  return folders;
}

Index index_of(const ExportBundle& bundle) {
  Index index{.media_type = std::string(media_types::kOciIndex)};
  if (bundle.index) {
    add_entries(index, bundle.index->index, bundle.index->names, bundle.index->annotations,
                std::nullopt);
  } else {
    for (const ExportImage& image : bundle.images) {
      add_entries(index, image.manifest, image.names, image.annotations, platform_of(image));
    }
  }
  for (const Attachment& attachment : bundle.attachments) {
    if (attachment.entry) {
      add_entries(index, *attachment.entry, attachment.image.names);
    }
  }
  return index;
}

std::string docker_manifest(const ExportBundle& bundle) {
  OrderedJson list = OrderedJson::array();
  for (const DockerEntry& entry : docker_entries(bundle)) {
    OrderedJson object;
    object["Config"] = blob_path(config_digest(*entry.image));
    std::vector<std::string> tags = repo_tags(*entry.names);
    object["RepoTags"] = tags.empty() ? OrderedJson() : OrderedJson(tags);
    object["Layers"] = OrderedJson::array();
    for (const ExportBlob& layer : entry.image->layers) {
      object["Layers"].push_back(blob_path(layer.descriptor.digest));
    }
    list.push_back(std::move(object));
  }
  return list.dump() + "\n";
}

std::string docker_repositories(const ExportBundle& bundle) {
  std::map<std::string, std::map<std::string, std::string>> repositories;
  for (const DockerEntry& entry : docker_entries(bundle)) {
    for (const Reference& name : *entry.names) {
      Reference tagged = name.with_default_tag();
      if (tagged.tag() && !entry.image->layers.empty()) {
        repositories[tagged.familiar_name()][*tagged.tag()] =
            entry.image->layers.back().descriptor.digest.hex();
      }
    }
  }
  return nlohmann::json(repositories).dump() + "\n";
}

}  // namespace slipway::registry
