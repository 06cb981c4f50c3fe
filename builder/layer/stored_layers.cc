#include "builder/layer/stored_layers.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/content_id.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/layer_streams.h"
#include "builder/layer/stored_tar.h"
#include "builder/layer/tar_writer.h"

namespace slipway::builder {

namespace {

using base::cat;
using cache::DiffId;

// An index of 30 million entries; what is larger is no index of ours.
constexpr std::size_t kIndexBytesMax = std::size_t{4} << 30;
// Indexes that are kept in memory between calls; beyond it they are read again.
constexpr std::size_t kIndexesBytesMax = 32 << 20;

void write_tar_of_tree(const std::string& path, const LayerIndex& index, base::Sink& out,
                       const std::stop_token& stop) {
  TreeContent content(base::open_directory(path));
  TarWriter writer(out);
  for (std::size_t i = 0; i < index.size(); ++i) {
    base::throw_if_stopped(stop);
    Entry entry = index.at(i);
    std::unique_ptr<base::Source> source;
    if (entry.type == EntryType::kFile && entry.size > 0) {
      source = content.open(entry);
    }
    writer.write(entry, source.get());
  }
  writer.finish();
}

}  // namespace

// A build asks for all trees of a stack before each step. What is held stays where it was found
// until the store is closed.
std::optional<std::string> StoredLayers::find_tree(const DiffId& diff_id) {
  {
    auto known = trees_.lock();
    if (auto found = known->find(diff_id); found != known->end()) {
      return found->second;
    }
  }
  std::optional<std::string> path = store_->trees().find(diff_id);
  if (path) {
    trees_.lock()->emplace(diff_id, *path);
  }
  return path;
}

bool StoredLayers::has_bytes(const DiffId& diff_id) const {
  return store_->trees().find(diff_id) || has_tar(*store_, diff_id);
}

std::optional<LayerIndex> StoredLayers::find_index(const DiffId& diff_id) {
  {
    auto held = indexes_.lock();
    if (auto found = held->by_layer.find(diff_id); found != held->by_layer.end()) {
      return found->second;
    }
  }
  std::optional<cache::LayerRow> row = store_->layers().find(diff_id);
  if (!row || !row->index_blob || !store_->blobs().hold(*row->index_blob)) {
    return std::nullopt;
  }
  LayerIndex index = LayerIndex::parse(store_->blobs().read(*row->index_blob, kIndexBytesMax));
  remember_index(diff_id, index);
  return index;
}

LayerIndex StoredLayers::get_index(const DiffId& diff_id, const std::stop_token& stop) {
  if (std::optional<LayerIndex> index = find_index(diff_id)) {
    return *index;
  }
  NamedLocks::Held held = making_.lock(cat("index ", diff_id.text()), stop);
  std::optional<LayerIndex> index = find_index(diff_id);
  if (!index && !has_tar(*store_, diff_id) && fetch(diff_id, stop)) {
    index = find_index(diff_id);  // putting the blob made it
  }
  return index ? *index : make_index(diff_id, stop);
}

LayerIndex StoredLayers::make_index(const DiffId& diff_id, const std::stop_token& stop) {
  std::unique_ptr<base::Source> plain = get_tar(diff_id, stop);
  HashingSource tar(*plain);
  LayerIndex index =
      read_layer(tar, {.object = cat("layer ", diff_id.text()), .limits = options_.limits}, stop);
  expect_diff_id(diff_id, tar.finish());
  cache::BlobInfo blob = store_->blobs().put(index.bytes());
  cache::Batch batch;
  batch.layers.push_back({.diff_id = diff_id,
                          .content_id = content_id_of(index),
                          .tar_size = tar.size(),
                          .index_blob = blob.digest,
                          .canonical = false,
                          .created = {}});
  store_->commit(batch);
  remember_index(diff_id, index);
  return index;
}

void StoredLayers::remember_index(const DiffId& diff_id, const LayerIndex& index) {
  auto held = indexes_.lock();
  if (held->bytes + index.bytes().size() > kIndexesBytesMax) {
    held->by_layer.clear();
    held->bytes = 0;
  }
  if (held->by_layer.insert_or_assign(diff_id, index).second) {
    held->bytes += index.bytes().size();
  }
}

std::unique_ptr<base::Source> StoredLayers::get_tar(const DiffId& diff_id,
                                                    const std::stop_token& stop) {
  std::unique_ptr<base::Source> tar = find_tar(*store_, diff_id, options_.threads > 0);
  if (tar == nullptr && fetch(diff_id, stop)) {
    tar = find_tar(*store_, diff_id, options_.threads > 0);
  }
  if (tar == nullptr) {
    base::fail(base::ErrorKind::kNotFound,
               cat("the bytes of layer ", diff_id.text(),
                   " are not in the store and nobody is known to have them"),
               "'slipway pull' of the image brings them back");
  }
  return tar;
}

// True if the layer's bytes may be here now.
bool StoredLayers::fetch(const DiffId& diff_id, const std::stop_token& stop) {
  if (!options_.fetch) {
    return false;
  }
  NamedLocks::Held held = making_.lock(cat("fetch ", diff_id.text()), stop);
  if (!has_tar(*store_, diff_id)) {
    options_.fetch(diff_id, stop);
  }
  return true;
}

void StoredLayers::write_tar(const DiffId& diff_id, base::Sink& out, const std::stop_token& stop) {
  if (store_->blobs().hold(diff_id.digest())) {
    base::copy_stream(*store_->blobs().open_verified(diff_id.digest()), out, stop);
    out.finish();
    return;
  }
  base::HashingSink hashed(&out);
  std::optional<cache::LayerRow> row = store_->layers().find(diff_id);
  std::optional<std::string> tree = store_->trees().find(diff_id);
  // A blob is read faster than a tree, and only a layer made here can be written from its tree.
  if (row && row->canonical && tree && !has_tar(*store_, diff_id)) {
    write_tar_of_tree(*tree, get_index(diff_id, stop), hashed, stop);
  } else {
    std::unique_ptr<base::Source> plain = get_tar(diff_id, stop);
    base::copy_stream(*plain, hashed, stop);
    hashed.finish();
  }
  expect_diff_id(diff_id, hashed.digest());
}

}  // namespace slipway::builder
