#include "builder/layer/new_layers.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/block_compressor.h"
#include "base/fs.h"
#include "builder/layer/block_reuse.h"
#include "builder/layer/layer_patch.h"
#include "builder/layer/layer_streams.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/stored_tar.h"
#include "builder/layer/upper_diff.h"

namespace slipway::builder {

namespace {

using cache::DiffId;

enum class Written { kBlob, kPatch, kTree };

// The very same layer counts, too, where storing it once more would change nothing: as a tree if it
// has one, as a patch if its bytes are here. A blob of it may be one that it does not have.
std::optional<LayerRecord> find_same_content(StoredLayers& layers, const WrittenLayer& written,
                                             Written form) {
  cache::Store& store = layers.store();
  std::optional<cache::LayerRow> older = store.layers().find_by_content(written.content_id);
  if (!older || !store.layers().hold(std::span(&older->diff_id, 1)).empty()) {
    return std::nullopt;
  }
  bool is_same = older->diff_id == written.diff_id;
  if (is_same && form == Written::kTree
          ? !layers.find_tree(older->diff_id)
          : (is_same && form == Written::kBlob) || !layers.has_bytes(older->diff_id)) {
    return std::nullopt;
  }
  return LayerRecord{.diff_id = older->diff_id,
                     .content_id = written.content_id,
                     .tar_size = older->tar_size,
                     .reused = true};
}

// Index and rows of a layer whose bytes are in the store already.
AddedLayer keep(StoredLayers& layers, const WrittenLayer& written, cache::Batch batch) {
  cache::BlobInfo index = layers.store().blobs().put(written.index.bytes());
  batch.layers.push_back({.diff_id = written.diff_id,
                          .content_id = written.content_id,
                          .tar_size = written.tar_size,
                          .index_blob = index.digest,
                          .canonical = true,
                          .created = {}});
  layers.remember_index(written.diff_id, written.index);
  return {.record = {.diff_id = written.diff_id,
                     .content_id = written.content_id,
                     .tar_size = written.tar_size,
                     .reused = false},
          .rows = std::move(batch)};
}

AddedLayer add_tar(StoredLayers& layers, const LayerEntries& layer,
                   const base::CompressOptions& compress, const std::stop_token& stop) {
  bool is_plain = compress.compression == base::Compression::kNone;
  std::unique_ptr<cache::BlobWriter> blob = layers.store().blobs().write(
      is_plain ? cache::BlobStore::Hashing::kByCaller : cache::BlobStore::Hashing::kHere);
  std::unique_ptr<base::Sink> compressor = base::make_compressor(*blob, compress);
  WrittenLayer written = write_layer(layer, {.tar = compressor.get()}, stop);
  if (std::optional<LayerRecord> older = find_same_content(layers, written, Written::kBlob)) {
    return {*older, {}};
  }
  cache::BlobInfo info = is_plain ? blob->commit_hashed(written.diff_id.digest()) : blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back(made_blob_row(written.diff_id, info, compress));
  return keep(layers, written, std::move(batch));
}

// Compressed at once, with the blocks that the similar layer has, too.
AddedLayer add_in_blocks(StoredLayers& layers, const LayerEntries& layer, const StoreForm& form,
                         const std::stop_token& stop) {
  cache::Store& store = layers.store();
  std::unique_ptr<cache::BlobWriter> blob = store.blobs().write();
  std::unique_ptr<base::BlockCompressor> blocks = base::make_block_compressor(*blob, form.compress);
  std::optional<BlocksOfSimilar> similar;
  if (form.similar) {
    ReuseSources sources{&store, [&](const DiffId& older) { return layers.find_index(older); }};
    similar =
        find_blocks_of_similar(sources, layer, *form.similar, base::encoder_id(form.compress));
  }
  std::optional<ReusingSink> reusing;
  if (similar) {
    reusing.emplace(std::move(similar->blocks), *blocks);
  }
  base::Sink* tar = reusing ? static_cast<base::Sink*>(&*reusing) : blocks.get();
  WrittenLayer written = write_layer(layer, {.tar = tar}, stop);
  if (reusing && reusing->older().is_damaged()) {
    store.blobs().discard(similar->blob);
  }
  if (std::optional<LayerRecord> older = find_same_content(layers, written, Written::kBlob)) {
    return {*older, {}};
  }
  cache::BlobInfo info = blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back(made_blob_row(written.diff_id, info, form.compress));
  if (std::string rows = serialise_blocks(blocks->blocks()); !rows.empty()) {
    batch.blob_blocks.push_back({info.digest, std::move(rows)});
  }
  return keep(layers, written, std::move(batch));
}

// Nothing where a patch of the similar layer is not worth it or can't be made.
std::optional<AddedLayer> add_patch(StoredLayers& layers, const LayerEntries& layer,
                                    const DiffId& similar, const std::stop_token& stop) {
  cache::Store& store = layers.store();
  std::optional<cache::LayerRow> row = store.layers().find(similar);
  if (!row || !row->canonical || !store.layers().hold(std::span(&similar, 1)).empty()) {
    return std::nullopt;
  }
  std::optional<LayerIndex> older = layers.find_index(similar);
  std::shared_ptr<const StoredTar> older_tar = find_stored_tar(store, similar);
  if (!older || older_tar == nullptr) {
    return std::nullopt;
  }
  std::optional<PatchPlan> plan = plan_patch(layer, *older, *older_tar);
  if (!plan) {
    return std::nullopt;
  }
  older.reset();
  std::unique_ptr<cache::BlobWriter> blob = store.blobs().write();
  PatchSink own(*plan, *older_tar, *blob);
  WrittenLayer written = write_layer(layer, {.tar = &own}, stop);
  if (own.differs()) {
    return std::nullopt;
  }
  if (std::optional<LayerRecord> same = find_same_content(layers, written, Written::kPatch)) {
    return AddedLayer{*same, {}};
  }
  blob->write(serialise_table(*plan));
  cache::LayerPatchRow patch{written.diff_id, {blob->commit().digest}};
  patch.blobs.insert(patch.blobs.end(), plan->other_blobs.begin(), plan->other_blobs.end());
  cache::Batch batch;
  batch.layer_patches.push_back(std::move(patch));
  return keep(layers, written, std::move(batch));
}

AddedLayer add_tree(StoredLayers& layers, const LayerEntries& layer, const std::stop_token& stop) {
  cache::Store& store = layers.store();
  cache::StagedTree staged = store.trees().stage();
  base::Fd root = base::open_directory(staged.path());
  TreeWriter tree(root, layers.tree_options());
  WrittenLayer written = write_layer(
      layer, {.tree = &tree, .begin_write_back = [&] { store.begin_write_back(); }}, stop);
  if (std::optional<LayerRecord> older = find_same_content(layers, written, Written::kTree)) {
    return {*older, {}};
  }
  store.trees().commit(std::move(staged), written.diff_id, written.tar_size);
  return keep(layers, written, {});
}

}  // namespace

AddedLayer add_layer(StoredLayers& layers, const LayerEntries& layer, const StoreForm& form,
                     const std::stop_token& stop) {
  switch (form.form) {
    case LayerForm::kTree:
      return add_tree(layers, layer, stop);
    case LayerForm::kBlob: {
      StoreForm chosen = form;
      chosen.compress.threads = std::max(form.compress.threads, layers.options().threads);
      return base::has_blocks(chosen.compress) ? add_in_blocks(layers, layer, chosen, stop)
                                               : add_tar(layers, layer, chosen.compress, stop);
    }
    case LayerForm::kTar:
      break;
  }
  if (form.similar) {
    if (std::optional<AddedLayer> patch = add_patch(layers, layer, *form.similar, stop)) {
      return *std::move(patch);
    }
  }
  return add_tar(layers, layer, {.compression = base::Compression::kNone}, stop);
}

ReadUpper read_upper(const StepUpper& upper, const LayerStoreOptions& options,
                     const std::stop_token& stop) {
  base::Fd directory = base::open_directory(upper.directory);
  UpperForm form{.marks = options.marks, .owner_of_new = {}};
  if (options.owners == TreeWriter::Owners::kRecord) {
    form.owner_of_new = upper.owner_of_new;
  }
  UpperDiff diff = diff_upper(directory, form, upper.lower, stop);
  WrittenLayer written = write_layer(diff.layer, {}, stop);
  return {std::move(directory), std::move(diff), std::move(written)};
}

AddedLayer add_upper(StoredLayers& layers, cache::StagedTree staged, const ReadUpper& read) {
  if (std::optional<LayerRecord> older = find_same_content(layers, read.written, Written::kTree)) {
    return {*older, {}};
  }
  record_owners(read.directory, read.diff.unrecorded);
  remove_superfluous(read.directory, read.diff.superfluous);
  layers.store().trees().commit(std::move(staged), read.written.diff_id, read.written.tar_size);
  return keep(layers, read.written, {});
}

}  // namespace slipway::builder
