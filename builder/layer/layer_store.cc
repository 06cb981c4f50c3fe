#include "builder/layer/layer_store.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/layer/layer_blobs.h"
#include "builder/layer/layer_receive.h"
#include "builder/layer/layer_trees.h"
#include "builder/layer/new_layers.h"
#include "builder/layer/stored_layers.h"

namespace slipway::builder {

using base::cat;
using cache::DiffId;

// The work is done elsewhere, by forms: stored_layers.h reads layers (tars, indexes), new_layers.h
// and layer_receive.h make them, layer_trees.h gives them as files, layer_blobs.h as blobs.
struct LayerStore::State {
  State(cache::Store& store, LayerStoreOptions options)
      : layers(store, std::move(options)), trees(layers) {}

  StoredLayers layers;
  LayerTrees trees;
};

LayerStore::LayerStore(cache::Store& store, LayerStoreOptions options)
    : state_(std::make_unique<State>(store, std::move(options))) {}
LayerStore::~LayerStore() = default;

AddedLayer LayerStore::add_entries(const LayerEntries& layer, const StoreForm& form,
                                   std::stop_token stop) {
  return add_layer(state_->layers, layer, form, stop);
}

LayerRecord LayerStore::put_entries(const LayerEntries& layer, const StoreForm& form,
                                    std::stop_token stop) {
  AddedLayer added = add_layer(state_->layers, layer, form, stop);
  if (!added.record.reused) {
    state_->layers.store().commit(added.rows);
  }
  return added.record;
}

ReadUpper LayerStore::read_upper(const StepUpper& upper, std::stop_token stop) const {
  return builder::read_upper(upper, state_->layers.options(), stop);
}

AddedLayer LayerStore::add_upper(cache::StagedTree staged, const ReadUpper& read) {
  return builder::add_upper(state_->layers, std::move(staged), read);
}

TreeWriter::Options LayerStore::tree_options() const {
  return state_->layers.tree_options();
}

LayerRecord LayerStore::put_blob(std::unique_ptr<base::Source> blob, const ReceivedBlob& received,
                                 std::stop_token stop) {
  StoredLayers& layers = state_->layers;
  ReceivedBlob wanted = received;
  if (wanted.diff_id && state_->trees.is_wanted(*wanted.diff_id)) {
    wanted.make_tree = true;
  }
  ReceivedLayer layer = base::noting(
      [&] { return cat("reading layer ", wanted.digest ? wanted.digest->text() : "archive"); },
      [&] {
        return receive_layer(layers.store(), std::move(blob), wanted, layers.options(), stop);
      });
  layers.store().commit(layer.rows);
  layers.remember_index(layer.record.diff_id, layer.index);
  return layer.record;
}

bool LayerStore::has(const DiffId& diff_id) {
  StoredLayers& layers = state_->layers;
  return layers.store().layers().hold(std::span(&diff_id, 1)).empty() && layers.has_bytes(diff_id);
}

std::string LayerStore::ensure_tree(const DiffId& diff_id, std::span<const DiffId> lowers,
                                    std::stop_token stop) {
  return state_->trees.ensure_tree(diff_id, lowers, stop);
}

std::vector<std::string> LayerStore::ensure_trees(std::span<const DiffId> layers,
                                                  std::stop_token stop) {
  return state_->trees.ensure_trees(layers, stop);
}

LayerBlob LayerStore::ensure_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                  Received received, std::stop_token stop) {
  return ensure_layer_blob(state_->layers, diff_id, compress, received, {}, stop);
}

LayerBlob LayerStore::ensure_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                  Received received, const BlobFollower& follower,
                                  std::stop_token stop) {
  return ensure_layer_blob(state_->layers, diff_id, compress, received, follower, stop);
}

std::optional<LayerBlob> LayerStore::find_blob(const DiffId& diff_id,
                                               const base::CompressOptions& compress,
                                               Received received) {
  return find_layer_blob(state_->layers, diff_id, compress, received);
}

void LayerStore::write_tar(const DiffId& diff_id, base::Sink& out, std::stop_token stop) {
  state_->layers.store().layers().hold(std::span(&diff_id, 1));
  state_->layers.write_tar(diff_id, out, stop);
}

LayerIndex LayerStore::index(const DiffId& diff_id, std::stop_token stop) {
  return state_->layers.get_index(diff_id, stop);
}

std::shared_ptr<const MergedView> LayerStore::view(std::span<const DiffId> layers,
                                                   std::stop_token stop) {
  return state_->trees.view(layers, stop);
}

}  // namespace slipway::builder
