#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/stream.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/layer_store.h"
#include "builder/layer/named_locks.h"
#include "cache/content/ids.h"
#include "cache/store.h"

namespace slipway::builder {

// Layers as they are read: their tars from whatever form is here, or from whoever can bring one
// (LayerStoreOptions::fetch), and their indexes, which are made where there are none. Remembers
// what it was asked for often. The other parts of LayerStore make trees, blobs and new layers out
// of it. Safe for many threads.
class StoredLayers {
 public:
  // `store` is owned by the caller and outlives this.
  StoredLayers(cache::Store& store, LayerStoreOptions options)
      : store_(&store), options_(std::move(options)) {}

  cache::Store& store() const { return *store_; }
  const LayerStoreOptions& options() const { return options_; }
  TreeWriter::Options tree_options() const {
    return {.marks = options_.marks, .owners = options_.owners};
  }

  // Held while something of a layer is made: "tree <diff ID>", and so on. Whoever makes a tree or a
  // blob may need the index meanwhile, and for that the layer may have to be fetched; never the
  // other way round.
  NamedLocks& making() { return making_; }

  // The layer's tree, if it has one that is the same on any layers. Precondition: the layer is held
  // in the store.
  std::optional<std::string> find_tree(const cache::DiffId& diff_id);
  // Whether its bytes are here, as a tree or as any kind of tar.
  bool has_bytes(const cache::DiffId& diff_id) const;

  // The index, if it was made before.
  std::optional<LayerIndex> find_index(const cache::DiffId& diff_id);
  // Makes it by reading the tar once, verifies that, and commits it.
  LayerIndex get_index(const cache::DiffId& diff_id, const std::stop_token& stop);
  // The index of a layer that was just put into the store: saves reading it again.
  void remember_index(const cache::DiffId& diff_id, const LayerIndex& index);

  // The plain tar, from a blob or a patch, fetched if none is here: kNotFound if nobody has it. Not
  // verified.
  std::unique_ptr<base::Source> get_tar(const cache::DiffId& diff_id, const std::stop_token& stop);
  // The same from a tree, too, and verified: kIntegrity at the end if it is another. Finishes
  // `out`. Precondition: the layer is held in the store.
  void write_tar(const cache::DiffId& diff_id, base::Sink& out, const std::stop_token& stop);

 private:
  struct Indexes {
    std::map<cache::DiffId, LayerIndex> by_layer;
    std::size_t bytes = 0;
  };

  bool fetch(const cache::DiffId& diff_id, const std::stop_token& stop);
  LayerIndex make_index(const cache::DiffId& diff_id, const std::stop_token& stop);

  cache::Store* store_;
  LayerStoreOptions options_;
  NamedLocks making_;
  base::Guarded<Indexes> indexes_;
  base::Guarded<std::map<cache::DiffId, std::string>> trees_;  // where find_tree found them
};

}  // namespace slipway::builder
