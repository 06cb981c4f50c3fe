#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "cache/records/rows.h"
#include "registry/client.h"

namespace slipway::registry {

struct PushBlob {
  Descriptor descriptor;
  // Opens the bytes from their start. They are verified on the way out: damaged ones never get a
  // name in the registry.
  std::function<std::unique_ptr<base::Source>()> open;
  std::vector<Repository> known_sources;  // where else it is known to be
  bool is_verified = false;               // as Client::Upload
};

struct PushDocument {
  std::string bytes;
  std::string media_type;
  std::string tag;  // of a document that is not the last; empty: it is stored by its digest
  // What other documents call it, where that is not its SHA-256.
  std::optional<base::Digest> digest = std::nullopt;
};
// By which it is stored.
base::Digest digest_of(const PushDocument& document);
Descriptor descriptor_of(const PushDocument& document);

// What becomes of layers that their owner gives out from its own place (foreign ones).
enum class ForeignLayers {
  kKeep,    // they stay there: the manifest has their URLs
  kUpload,  // they are sent like any other
};

// An image or an index with its images: all blobs first (configs and layers, in any order, each
// digest once however often it is given), then the documents in order: children before their index.
// The last one gets the reference's tag, the others are stored by digest.
struct Push {
  std::vector<PushBlob> blobs;
  std::vector<PushDocument> documents;
};

struct PushOptions {
  unsigned parallel = 5;  // blobs at once
  ForeignLayers foreign_layers = ForeignLayers::kKeep;
  TransferObserver observer;
  // Blobs that this push has brought there already: not looked for again, nor told of.
  std::set<base::Digest> sent;
};

struct Pushed {
  Descriptor root;  // the last document
  // Where each blob is now known to be; for the caller's next commit to the store.
  std::vector<cache::BlobSourceRow> sources;
};

// An interrupted push leaves no name; started again it sends only what is missing.
Pushed push(Client& client, const Push& what, const Reference& reference,
            const PushOptions& options, std::stop_token stop);

}  // namespace slipway::registry
