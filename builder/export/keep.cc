#include "builder/export/keep.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "builder/image/store_images.h"
#include "registry/oci/manifest.h"

namespace slipway::builder {

namespace {

// How the store knows manifests that must be pushed as they are.
constexpr std::string_view kKeptManifest = "kept";

bool has_annotations(cache::Store& store, const cache::ManifestRef& manifest) {
  std::string bytes = store.blobs().read(manifest.digest, registry::kManifestBytesMax);
  return !registry::parse_manifest(bytes, manifest.media_type, "the image").annotations.empty();
}

bool is_about(const registry::PushDocument& document, const base::Digest& image) {
  registry::Manifest manifest =
      registry::parse_manifest(document.bytes, document.media_type, "the attestations");
  return manifest.subject && manifest.subject->digest == image;
}

class Keeper {
 public:
  Keeper(cache::Store& store, const registry::ExportBundle& bundle, std::stop_token stop)
      : store_(store), bundle_(bundle), stop_(std::move(stop)) {}

  cache::Batch batch(const std::vector<cache::ImageRow>& rows,
                     const std::vector<registry::Reference>& names) {
    if (bundle_.index) {
      add_index(names);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const registry::PushDocument& manifest = bundle_.images[i].manifest;
      cache::ManifestRef made{store_.blobs().put(manifest.bytes).digest, manifest.media_type};
      if (bundle_.index) {
        batch_.indexes.front().images.push_back(rows[i].id);
        batch_.indexes.front().other_blobs.push_back(made.digest);
      }
      if (add_referrers(rows[i].id, made) || has_annotations(store_, made)) {
        add_manifest(rows[i], made);
      } else {
        forget_annotations(store_, rows[i]);
      }
    }
    return std::move(batch_);
  }

 private:
  // The index itself, and those of its entries that are no images.
  void add_index(const std::vector<registry::Reference>& names) {
    const registry::PushDocument& index = bundle_.index->index;
    cache::IndexRow row{{store_.blobs().put(index.bytes).digest, index.media_type}, {}, {}};
    for (const registry::Attachment& attachment : bundle_.attachments) {
      if (!attachment.entry) {
        std::ranges::move(put_document(store_, attachment.image, stop_),
                          std::back_inserter(row.other_blobs));
      }
    }
    for (const registry::Reference& name : names) {
      batch_.names.push_back({name.with_default_tag().canonical(), row.index.digest, {}});
    }
    batch_.indexes.push_back(std::move(row));
  }

  // False if nothing refers to the manifest.
  bool add_referrers(const cache::ImageId& image, const cache::ManifestRef& manifest) {
    bool found = false;
    for (const registry::Attachment& attachment : bundle_.attachments) {
      const registry::PushDocument& document = attachment.image.manifest;
      if (is_about(document, manifest.digest)) {
        std::vector<base::Digest> blobs = put_document(store_, attachment.image, stop_);
        base::Digest digest = blobs.front();
        blobs.erase(blobs.begin());
        batch_.referrers.push_back(
            {image, {std::move(digest), document.media_type}, manifest.digest, std::move(blobs)});
        found = true;
      }
    }
    return found;
  }

  // The manifest has to stay as it is now.
  void add_manifest(const cache::ImageRow& row, const cache::ManifestRef& manifest) {
    cache::ImageRow kept = row;
    kept.received = manifest;
    batch_.images.push_back(std::move(kept));
    batch_.built_manifests.push_back({row.id, std::string(kKeptManifest), manifest});
  }

  cache::Store& store_;
  const registry::ExportBundle& bundle_;
  std::stop_token stop_;
  cache::Batch batch_;
};

}  // namespace

void keep_bundle(cache::Store& store, const registry::ExportBundle& bundle,
                 const std::vector<cache::ImageRow>& rows,
                 const std::vector<registry::Reference>& names, std::stop_token stop) {
  store.commit(Keeper(store, bundle, std::move(stop)).batch(rows, names));
}

void forget_annotations(cache::Store& store, const cache::ImageRow& row) {
  std::optional<cache::ManifestRef> kept =
      store.images().find_built_manifest(row.id, kKeptManifest);
  std::optional<cache::ImageRow> known = store.images().find(row.id);
  if (kept && known && known->received == kept && has_annotations(store, *kept)) {
    store.images().forget_received(row.id);
  }
}

}  // namespace slipway::builder
