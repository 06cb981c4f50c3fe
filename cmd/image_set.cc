#include "cmd/image_set.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "builder/attest/attestation.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct Member {
  builder::StoredImage image;  // `received` is the index's manifest of it
  std::optional<registry::Platform> platform;
};

struct StoredIndex {
  registry::PushDocument document;
  std::vector<Member> members;
  std::vector<registry::Attachment> attachments;  // entries of it
  bool is_whole = true;                           // every entry's image is here
};

class SetMaker {
 public:
  SetMaker(cache::Store& store, builder::LayerStore& layers, const ImageSetOptions& options,
           std::stop_token stop)
      : store_(store), layers_(layers), options_(options), stop_(std::move(stop)) {}

  ImageSet of_image(const cache::ImageId& id) {
    ImageSet set;
    add(set, builder::read_image(store_, id));
    return set;
  }

  ImageSet of_index(const base::Digest& digest) {
    StoredIndex index = read_index(digest);
    ImageSet set;
    if (index.is_whole && !options_.platform) {
      for (const Member& member : index.members) {
        add(set, member.image);
      }
      set.index = index.document;
      std::ranges::move(index.attachments, std::back_inserter(set.attachments));
      return set;
    }
    registry::Platform wanted = options_.platform.value_or(registry::host_platform());
    add(set, get_member(index, wanted).image);
    if (!options_.platform) {
      set.notice = cat("not all images of the index ", digest.text(), " are here: only that for ",
                       wanted.text(), " is taken");
    }
    return set;
  }

 private:
  void add(ImageSet& set, const builder::StoredImage& image) {
    if (options_.before_image) {
      options_.before_image(image);
    }
    set.ids.push_back(image.row.id);
    set.images.push_back(builder::make_export(store_, layers_, image, options_.write, stop_));
    registry::Descriptor written = registry::descriptor_of(set.images.back().manifest);
    for (const cache::ReferrerRow& row : store_.images().referrers(image.row.id)) {
      if (row.subject != written.digest) {
        set.notice = cat("attestations are left out: they are about the manifest ",
                         row.subject.text(), ", but the image gets ", written.digest.text());
        continue;
      }
      if (auto document = builder::find_document(store_, row.manifest)) {
        registry::Descriptor entry = builder::attestation_entry(
            *document, written.digest, builder::AttestationForm::kReferrer);
        set.attachments.push_back({*std::move(document), std::move(entry)});
      }
    }
  }

  StoredIndex read_index(const base::Digest& digest) {
    std::optional<cache::IndexRow> row = store_.images().find_index(digest);
    if (!row) {
      base::fail(base::ErrorKind::kNotFound, cat("no index ", digest.text(), " in the store"));
    }
    StoredIndex result;
    result.document = {store_.blobs().read(digest, registry::kManifestBytesMax),
                       row->index.media_type};
    registry::Index index = registry::parse_index(result.document.bytes, row->index.media_type,
                                                  cat("index ", digest.text()));
    for (const registry::Descriptor& entry : index.manifests) {
      if (registry::is_attestation(entry)) {
        auto document = builder::find_document(store_, {entry.digest, entry.media_type});
        result.is_whole = result.is_whole && document;
        if (document) {
          result.attachments.push_back({*std::move(document), std::nullopt});
        }
        continue;
      }
      std::optional<builder::StoredImage> image = find_member(entry, row->images);
      if (image) {
        result.members.push_back({*std::move(image), entry.platform});
      } else {
        result.is_whole = false;
      }
    }
    return result;
  }

  // An entry's manifest names its config, and that is the image.
  std::optional<builder::StoredImage> find_member(const registry::Descriptor& entry,
                                                  const std::vector<cache::ImageId>& images) {
    if (!store_.blobs().has(entry.digest)) {
      return std::nullopt;
    }
    std::string bytes = store_.blobs().read(entry.digest, registry::kManifestBytesMax);
    registry::Manifest manifest =
        registry::parse_manifest(bytes, entry.media_type, cat("manifest ", entry.digest.text()));
    std::optional<base::Digest> config = store_.blobs().find_sha256(manifest.config.digest);
    if (!config) {
      return std::nullopt;
    }
    cache::ImageId id(*std::move(config));
    if (std::find(images.begin(), images.end(), id) == images.end()) {
      return std::nullopt;
    }
    builder::StoredImage image = builder::read_image(store_, id);
    image.row.received = cache::ManifestRef{entry.digest, entry.media_type};
    return image;
  }

  static const Member& get_member(const StoredIndex& index, const registry::Platform& wanted) {
    for (const registry::Platform& platform : registry::platforms_run_by(wanted)) {
      for (const Member& member : index.members) {
        if (member.image.row.platform == platform.text()) {
          return member;
        }
      }
    }
    std::vector<std::string> known;
    for (const Member& member : index.members) {
      known.push_back(member.image.row.platform);
    }
    base::fail(base::ErrorKind::kNotFound,
               cat("no image for ", wanted.text(),
                   " is here; there is: ", known.empty() ? "none" : base::join(known, ", ")));
  }

  cache::Store& store_;
  builder::LayerStore& layers_;
  const ImageSetOptions& options_;
  std::stop_token stop_;
};

// The config that a manifest of the store names: its image.
bool is_manifest_of(cache::Store& store, const registry::Descriptor& entry,
                    const cache::ImageId& id) {
  if (!registry::is_manifest(entry.media_type) || !store.blobs().has(entry.digest)) {
    return false;
  }
  registry::Manifest manifest =
      registry::parse_manifest(store.blobs().read(entry.digest, registry::kManifestBytesMax),
                               entry.media_type, cat("manifest ", entry.digest.text()));
  return store.blobs().find_sha256(manifest.config.digest) == id.digest();
}

struct FoundAttestation {
  cache::ManifestRef manifest;
  base::Digest about;
  friend bool operator==(const FoundAttestation&, const FoundAttestation&) = default;
};

// Those of an index that are about the image, each once.
void add_index_attestations(cache::Store& store, const base::Digest& digest,
                            const cache::ImageId& id, std::vector<FoundAttestation>& found) {
  registry::Index index = registry::parse_index(
      store.blobs().read(digest, registry::kManifestBytesMax), {}, cat("index ", digest.text()));
  std::map<std::string, base::Digest> subjects;
  for (const registry::Descriptor& entry : index.manifests) {
    if (!registry::is_attestation(entry) && is_manifest_of(store, entry, id)) {
      subjects.emplace(entry.digest.text(), entry.digest);
    }
  }
  for (const registry::Descriptor& entry : index.manifests) {
    auto about = entry.annotations.find("vnd.docker.reference.digest");
    auto subject = about == entry.annotations.end() ? subjects.end() : subjects.find(about->second);
    if (!registry::is_attestation(entry) || subject == subjects.end()) {
      continue;
    }
    FoundAttestation attestation{{entry.digest, entry.media_type}, subject->second};
    if (std::ranges::find(found, attestation) == found.end()) {
      found.push_back(std::move(attestation));
    }
  }
}

}  // namespace

std::vector<StoredAttestation> stored_attestations(cache::Store& store, const cache::ImageId& id) {
  std::vector<FoundAttestation> found;
  for (const cache::ReferrerRow& row : store.images().referrers(id)) {
    found.push_back({row.manifest, row.subject});
  }
  for (const cache::NameRow& name : store.images().names_of(id)) {
    if (const auto* index = std::get_if<base::Digest>(&name.target)) {
      add_index_attestations(store, *index, id, found);
    }
  }
  std::vector<StoredAttestation> attestations;
  for (const FoundAttestation& attestation : found) {
    if (auto document = builder::find_document(store, attestation.manifest)) {
      attestations.push_back({*std::move(document), attestation.about});
    }
  }
  return attestations;
}

ImageSet make_image_set(cache::Store& store, builder::LayerStore& layers,
                        const cache::NameTarget& target, const ImageSetOptions& options,
                        std::stop_token stop) {
  SetMaker maker(store, layers, options, std::move(stop));
  const auto* id = std::get_if<cache::ImageId>(&target);
  return id != nullptr ? maker.of_image(*id) : maker.of_index(std::get<base::Digest>(target));
}

}  // namespace slipway::cmd
