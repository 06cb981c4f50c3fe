#pragma once

// Images between the store and what builds, exports and pushes them.

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/compress.h"
#include "builder/image/assemble.h"
#include "builder/image/pull_policy.h"
#include "builder/layer/layer_store.h"
#include "builder/plan/plan.h"
#include "cache/store.h"
#include "registry/image_bundle.h"
#include "registry/oci/media_types.h"
#include "registry/pull.h"

namespace slipway::builder {

// Hands arriving layers to the LayerStore. The LayerStore outlives this.
class LayerReceiver : public registry::LayerSink {
 public:
  explicit LayerReceiver(LayerStore& layers) : layers_(&layers) {}
  bool has(const cache::DiffId& diff_id) override;
  void put(std::unique_ptr<base::Source> blob, const registry::Descriptor& descriptor,
           const cache::DiffId& diff_id, std::stop_token stop) override;

 private:
  LayerStore* layers_;
};

// An image of the store, read: its row and its config.
struct StoredImage {
  cache::ImageRow row;
  std::string config_bytes;
  registry::ImageConfig config;
};
// kIntegrity if the config can't be read any more.
StoredImage read_image(cache::Store& store, const cache::ImageId& id);

// The image that a user means by a name, an ID or the beginning of one: a name first, with the
// default tag; then IDs. Of an index, the image for the platform. Nothing if there is none; kInput
// if a beginning of an ID fits several.
std::optional<cache::ImageId> find_image(cache::Store& store, const std::string& text,
                                         const registry::Platform& platform);
// The same for a reference only.
std::optional<cache::ImageId> find_image(cache::Store& store, const registry::Reference& reference,
                                         const registry::Platform& platform);

// Keeps a built image under the names (tags that were elsewhere move). Returns its row.
cache::ImageRow keep_image(cache::Store& store, const AssembledImage& image,
                           const std::vector<registry::Reference>& names);

// How layers of an image are written for others.
struct WriteOptions {
  base::CompressOptions compress;  // of layers that have no fitting blob yet
  bool force_compression = false;  // compress anew what was received compressed otherwise
  registry::Family family = registry::Family::kOci;  // of the media types
  // Give the manifest as it was received where there is one (and no other compression is forced):
  // what a push sends back.
  bool keep_received = true;
  registry::Annotations annotations;
};

// The image ready to be written or pushed: manifest bytes, config and layers with openers. Layers
// that lack a blob are compressed now, two at a time; layers that are only known by name keep an
// opener that fetches them when they are opened. The store and the LayerStore outlive the result.
registry::ExportImage make_export(cache::Store& store, LayerStore& layers, const StoredImage& image,
                                  const WriteOptions& options, std::stop_token stop);

// The layers that make_export would compress.
std::vector<cache::DiffId> layers_to_compress(cache::Store& store, LayerStore& layers,
                                              const StoredImage& image, const WriteOptions& options,
                                              std::stop_token stop);

// Everything a push needs of it, with the repositories that are known to have each blob.
registry::Push make_push(cache::Store& store, const registry::ExportImage& image);

// A manifest of the store that is no image's (attestations), with its config and layers. Nothing if
// any of it is not here.
std::optional<registry::ExportImage> find_document(cache::Store& store,
                                                   const cache::ManifestRef& manifest);
// Puts such a manifest and all that it names into the store, for the next commit. Gives the
// manifest first, then what it names.
std::vector<base::Digest> put_document(cache::Store& store, const registry::ExportImage& document,
                                       std::stop_token stop);

// Where the planner finds base images: the store, and registries as the policy says.
class StoreResolver : public ImageResolver {
 public:
  struct Parts {
    cache::Store* store;
    LayerStore* layers;
    std::function<registry::Client&()> client;  // made when a registry is first needed
    // What a short name stands for; empty: none has another meaning than Docker's.
    std::function<std::optional<std::string>(const std::string& name)> find_alias = {};
  };
  // All owned by the caller. `warn` gets a line for people.
  StoreResolver(Parts parts, PullPolicy policy, registry::TransferObserver observer,
                std::function<void(const std::string&)> warn);
  ResolvedImage resolve(const registry::Reference& reference, const registry::Platform& platform,
                        std::stop_token stop) override;
  // By its alias, unless the store has an image of that very name and may be asked first.
  registry::Reference meant(const std::string& text, const registry::Reference& reference) override;
  ResolvedImage resolve_layout(const std::string& layout, const registry::Platform& platform,
                               std::stop_token stop) override;

 private:
  bool fits(const cache::ImageId& id, const registry::Platform& platform) const;
  ResolvedImage from_store(const registry::Reference& reference, const cache::ImageId& id) const;
  ResolvedImage from_registry(const registry::Reference& reference,
                              const registry::Platform& platform, registry::PullName name,
                              const std::stop_token& stop);
  ResolvedImage if_newer(const registry::Reference& reference, const registry::Platform& platform,
                         const cache::ImageId& id, const std::stop_token& stop);
  ResolvedImage for_platform(const registry::Reference& reference,
                             const registry::Platform& platform, const cache::ImageId& other,
                             const std::stop_token& stop);

  Parts parts_;
  PullPolicy policy_;
  registry::TransferObserver observer_;
  std::function<void(const std::string&)> warn_;
};

}  // namespace slipway::builder
