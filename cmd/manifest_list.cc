#include "cmd/manifest_list.h"

#include "base/error.h"
#include "base/text.h"
#include "registry/oci/manifest.h"

namespace slipway::cmd {

namespace {

using base::cat;

registry::Platform platform_of(registry::Client& client, const registry::Document& document,
                               const registry::Repository& repository,
                               const std::stop_token& stop) {
  std::string what = cat("manifest ", document.descriptor.digest.text());
  registry::Manifest manifest =
      registry::parse_manifest(document.bytes, document.descriptor.media_type, what);
  if (!registry::is_image_config(manifest.config.media_type)) {
    base::fail(base::ErrorKind::kInput,
               cat(what, " of ", repository.text(), " is no image: its config is of type ",
                   base::quote(manifest.config.media_type)));
  }
  std::unique_ptr<base::Source> config = client.open_blob(repository, manifest.config, stop);
  return registry::parse_image_config(base::read_all(*config, registry::kConfigBytesMax, what),
                                      cat("config of ", what))
      .platform;
}

}  // namespace

std::optional<registry::Index> find_draft(cache::Store& store, const registry::Reference& name) {
  auto row = store.images().find_name(name.with_default_tag().canonical());
  const auto* digest = row ? std::get_if<base::Digest>(&row->target) : nullptr;
  std::optional<cache::IndexRow> index =
      digest == nullptr ? std::nullopt : store.images().find_index(*digest);
  if (!index || !index->images.empty()) {
    return std::nullopt;
  }
  return registry::parse_index(store.blobs().read(*digest, registry::kManifestBytesMax),
                               index->index.media_type, cat("the list ", name.familiar()));
}

registry::Index get_draft(cache::Store& store, const registry::Reference& name) {
  std::optional<registry::Index> draft = find_draft(store, name);
  if (!draft) {
    base::fail(base::ErrorKind::kNotFound, cat("no such manifest list: ", name.familiar()),
               "'slipway manifest create' makes one");
  }
  return *std::move(draft);
}

void keep_draft(cache::Store& store, const registry::Reference& name,
                const registry::Index& index) {
  cache::BlobInfo blob = store.blobs().put(registry::serialise(index));
  cache::Batch batch;
  batch.indexes.push_back({.index = {blob.digest, index.media_type}});
  batch.names.push_back({name.with_default_tag().canonical(), blob.digest, {}});
  store.commit(batch);
}

std::vector<registry::Descriptor> entries_of(registry::Client& client,
                                             const registry::Reference& reference,
                                             std::stop_token stop) {
  registry::Repository repository = registry::repository_of(reference);
  registry::Document document = client.get_manifest(reference, stop);
  std::vector<registry::Descriptor> entries;
  if (registry::is_index(document.descriptor.media_type)) {
    entries =
        registry::parse_index(document.bytes, document.descriptor.media_type, reference.familiar())
            .manifests;
  } else {
    registry::Descriptor entry = document.descriptor;
    entry.platform = platform_of(client, document, repository, stop);
    entries.push_back(std::move(entry));
  }
  for (registry::Descriptor& entry : entries) {
    entry.annotations[kSourceAnnotation] = reference.canonical();
  }
  return entries;
}

registry::Index without_sources(registry::Index index) {
  for (registry::Descriptor& entry : index.manifests) {
    entry.annotations.erase(kSourceAnnotation);
  }
  return index;
}

}  // namespace slipway::cmd
