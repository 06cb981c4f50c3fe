#pragma once

#include <functional>
#include <stop_token>

#include "cache/store.h"
#include "registry/client.h"

namespace slipway::registry {

// Who takes layers: indexing and unpacking is not this room's business. Safe from many threads.
class LayerSink {
 public:
  virtual ~LayerSink() = default;
  // True if the layer's bytes are here in some form, which then stays for the caller's lifetime.
  virtual bool has(const cache::DiffId& diff_id) = 0;
  // Reads to the end and stores; the Source throws kIntegrity at the end for bytes that are not the
  // descriptor's, and the sink checks the diff ID. When it returns, the layer is durable.
  virtual void put(std::unique_ptr<base::Source> blob, const Descriptor& descriptor,
                   const cache::DiffId& diff_id, std::stop_token stop) = 0;
};

enum class PullLayers {
  kFetch,
  // Manifest and config only; each layer is remembered with where it can be had (fetch_layer).
  kLeave,
};

// kLeave: the name stays with what it names here, such as the image for another platform; the new
// one is known by its ID.
enum class PullName { kTake, kLeave };

struct PullOptions {
  PullLayers layers = PullLayers::kFetch;
  PullName name = PullName::kTake;
  unsigned parallel = 4;  // layers at once
  // Foreign layers are fetched like others, from their URLs where the registry has them not.
  enum class Foreign { kFetch, kRefuse } foreign_layers = Foreign::kFetch;
  TransferObserver observer;
};

struct Pulled {
  Resolved resolved;
  std::string config_bytes;
  ImageConfig config;
  cache::ImageRow image;  // as stored
};

// Brings an image into the store: documents, layers (several at once, each only if the sink lacks
// it), then its rows and name in one commit. Interrupted, it leaves finished layers and no name.
// Precondition: `layers` may be null with kLeave only.
Pulled pull(Client& client, const Reference& reference, const Platform& platform,
            cache::Store& store, LayerSink* layers, const PullOptions& options,
            std::stop_token stop);

// Gets one layer that was left out, from wherever the store says it can be had (the last learnt
// source first). kNotFound if it says nothing.
void fetch_layer(Client& client, const cache::DiffId& diff_id, cache::Store& store,
                 LayerSink& layers, const TransferObserver& observer, std::stop_token stop);

// kDenied naming a layer that its owner gives out from its own place only.
void refuse_foreign_layers(const Manifest& manifest, std::string_view what);

// Whether all of config and manifest fit together: an image config of either family, as many layers
// as diff IDs. kInput naming `what`.
void check_image(const Manifest& manifest, const ImageConfig& config, std::string_view what);

}  // namespace slipway::registry
