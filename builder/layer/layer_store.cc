#include "builder/layer/layer_store.h"

#include <map>
#include <mutex>
#include <set>

#include "base/guarded.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/layer/block_reuse.h"
#include "builder/layer/content_id.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/flatten.h"
#include "builder/layer/layer_patch.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/layer_receive.h"
#include "builder/layer/layer_streams.h"
#include "builder/layer/stored_tar.h"
#include "builder/layer/tar_content.h"
#include "builder/layer/upper_diff.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using cache::DiffId;

// An index of 30 million entries; what is larger is no index of ours.
constexpr std::size_t kIndexBytesMax = std::size_t{4} << 30;
// Layers that are fetched or unpacked at once.
constexpr unsigned kLayersAtOnce = 3;
// Compressed blobs of larger layers are read by pushes only, if at all: they stay out of the page
// cache.
constexpr std::uint64_t kCachedBytesMax = 32 << 20;
// Indexes that are kept in memory between calls; beyond it they are read again.
constexpr std::size_t kIndexesBytesMax = 32 << 20;

// The name under which the tree of a layer that takes something from those below it is kept: it is
// another tree on other layers.
DiffId tree_name(const DiffId& diff_id, std::span<const DiffId> lowers) {
  std::string text = cat("tree of ", diff_id.text(), " on\n");
  for (const DiffId& lower : lowers) {
    text += cat(lower.text(), "\n");
  }
  return DiffId(base::sha256_of(text));
}

}  // namespace

struct LayerStore::State {
  State(cache::Store& cache_store, LayerStoreOptions given)
      : store(&cache_store), options(std::move(given)) {}

  cache::Store* store;  // owned by the caller
  LayerStoreOptions options;
  // What threads are making right now: a second one waits and then finds it.
  base::Guarded<std::set<std::string>> busy;
  struct Indexes {
    std::map<DiffId, LayerIndex> by_layer;
    std::size_t bytes = 0;
  };
  base::Guarded<Indexes> indexes;
  base::Guarded<std::map<DiffId, std::string>> trees;  // where find_tree found them
  // Layers that somebody waits for to mount them: if one arrives now, it is unpacked as it passes.
  base::Guarded<std::set<DiffId>> trees_wanted;

  template <typename Body>
  auto alone(const std::string& what, const std::stop_token& stop, Body body);

  AddedLayer keep(const WrittenLayer& written, cache::Batch batch);
  enum class Form { kBlob, kPatch, kTree };
  std::optional<LayerRecord> find_same_content(const WrittenLayer& written, Form form);
  std::optional<std::string> find_tree(const DiffId& diff_id);
  bool has_bytes(const DiffId& diff_id);
  bool fetch(const DiffId& diff_id, const std::stop_token& stop);
  std::unique_ptr<base::Source> get_tar(const DiffId& diff_id, const std::stop_token& stop);

  LayerRecord commit(AddedLayer added);
  AddedLayer add_tar(const LayerEntries& layer, const base::CompressOptions& compress,
                     const std::stop_token& stop);
  AddedLayer add_in_blocks(const LayerEntries& layer, const StoreForm& form,
                           const std::stop_token& stop);
  ReuseSources reuse_sources();
  std::optional<AddedLayer> add_patch(const LayerEntries& layer, const DiffId& similar,
                                      const std::stop_token& stop);
  AddedLayer add_tree(const LayerEntries& layer, const std::stop_token& stop);

  std::optional<LayerIndex> find_index(const DiffId& diff_id);
  LayerIndex get_index(const DiffId& diff_id, const std::stop_token& stop);
  LayerIndex make_index(const DiffId& diff_id, const std::stop_token& stop);
  void remember(const DiffId& diff_id, const LayerIndex& index);

  std::string ensure_tree(const DiffId& diff_id, std::span<const DiffId> lowers,
                          const std::stop_token& stop);
  std::string unpack(const DiffId& diff_id, const DiffId& name, std::span<const DiffId> lowers,
                     const std::stop_token& stop);
  void write_tar(const DiffId& diff_id, base::Sink& out, const std::stop_token& stop);
  void write_tar_of_tree(const std::string& path, const LayerIndex& index, base::Sink& out,
                         const std::stop_token& stop);
  std::optional<LayerBlob> find_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                     Received received);
  std::string compress_layer(const DiffId& diff_id, const base::CompressOptions& compress,
                             base::Sink& out, const std::stop_token& stop);
  LayerBlob make_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                      const BlobFollower& follower, const std::stop_token& stop);
  std::shared_ptr<const MergedView> view(std::span<const DiffId> layers,
                                         const std::stop_token& stop);
  std::shared_ptr<const LayerContent> content(const DiffId& diff_id,
                                              std::span<const DiffId> lowers);
};

namespace {

// Opens a layer's form when the first file is asked for.
class LazyContent : public LayerContent {
 public:
  explicit LazyContent(std::function<std::shared_ptr<const LayerContent>()> make)
      : make_(std::move(make)) {}
  std::unique_ptr<base::Source> open(const Entry& file) const override {
    std::call_once(once_, [&] { content_ = make_(); });
    return content_->open(file);
  }

 private:
  std::function<std::shared_ptr<const LayerContent>()> make_;
  mutable std::once_flag once_;
  mutable std::shared_ptr<const LayerContent> content_;
};

}  // namespace

// Runs `body` while no other thread of this process runs one for the same thing.
template <typename Body>
auto LayerStore::State::alone(const std::string& what, const std::stop_token& stop, Body body) {
  {
    auto held = busy.lock();
    if (!held.wait(stop, [&](const auto& names) { return !names.contains(what); })) {
      base::throw_if_stopped(stop);
    }
    held->insert(what);
  }
  struct Release {
    State* state;
    const std::string* name;
    ~Release() {
      state->busy.lock()->erase(*name);
      state->busy.notify_all();
    }
  } release{this, &what};
  return body();
}

// Precondition: the layer is held, so that what is found once is there until the store is closed.
// A build asks for all trees of a stack before each step.
std::optional<std::string> LayerStore::State::find_tree(const DiffId& diff_id) {
  {
    auto known = trees.lock();
    if (auto found = known->find(diff_id); found != known->end()) {
      return found->second;
    }
  }
  std::optional<std::string> path = store->trees().find(diff_id);
  if (path) {
    trees.lock()->emplace(diff_id, *path);
  }
  return path;
}

bool LayerStore::State::has_bytes(const DiffId& diff_id) {
  return store->trees().find(diff_id) || has_tar(*store, diff_id);
}

// True if the layer's bytes may be here now.
bool LayerStore::State::fetch(const DiffId& diff_id, const std::stop_token& stop) {
  if (!options.fetch) {
    return false;
  }
  alone(cat("fetch ", diff_id.text()), stop, [&] {
    if (!has_tar(*store, diff_id)) {
      options.fetch(diff_id, stop);
    }
  });
  return true;
}

std::unique_ptr<base::Source> LayerStore::State::get_tar(const DiffId& diff_id,
                                                         const std::stop_token& stop) {
  std::unique_ptr<base::Source> tar = find_tar(*store, diff_id, options.threads > 0);
  if (tar == nullptr && fetch(diff_id, stop)) {
    tar = find_tar(*store, diff_id, options.threads > 0);
  }
  if (tar == nullptr) {
    base::fail(ErrorKind::kNotFound,
               cat("the bytes of layer ", diff_id.text(),
                   " are not in the store and nobody is known to have them"),
               "'slipway pull' of the image brings them back");
  }
  return tar;
}

// The very same layer counts, too, if it has the form that was made: storing it would change
// nothing.
std::optional<LayerRecord> LayerStore::State::find_same_content(const WrittenLayer& written,
                                                                Form form) {
  std::optional<cache::LayerRow> older = store->layers().find_by_content(written.content_id);
  if (!older || !store->layers().hold(std::span(&older->diff_id, 1)).empty()) {
    return std::nullopt;
  }
  bool is_same = older->diff_id == written.diff_id;
  if (is_same && form == Form::kTree
          ? !find_tree(older->diff_id)
          : (is_same && form == Form::kBlob) || !has_bytes(older->diff_id)) {
    return std::nullopt;
  }
  return LayerRecord{.diff_id = older->diff_id,
                     .content_id = written.content_id,
                     .tar_size = older->tar_size,
                     .reused = true};
}

LayerRecord LayerStore::State::commit(AddedLayer added) {
  if (!added.record.reused) {
    store->commit(added.rows);
  }
  return added.record;
}

// Index and rows of a layer that was made here; its bytes are in the store already.
AddedLayer LayerStore::State::keep(const WrittenLayer& written, cache::Batch batch) {
  cache::BlobInfo index = store->blobs().put(written.index.bytes());
  batch.layers.push_back({.diff_id = written.diff_id,
                          .content_id = written.content_id,
                          .tar_size = written.tar_size,
                          .index_blob = index.digest,
                          .canonical = true,
                          .created = {}});
  remember(written.diff_id, written.index);
  return {.record = {.diff_id = written.diff_id,
                     .content_id = written.content_id,
                     .tar_size = written.tar_size,
                     .reused = false},
          .rows = std::move(batch)};
}

AddedLayer LayerStore::State::add_tar(const LayerEntries& layer,
                                      const base::CompressOptions& compress,
                                      const std::stop_token& stop) {
  bool is_plain = compress.compression == base::Compression::kNone;
  std::unique_ptr<cache::BlobWriter> blob = store->blobs().write(
      is_plain ? cache::BlobStore::Hashing::kByCaller : cache::BlobStore::Hashing::kHere);
  std::unique_ptr<base::Sink> compressor = base::make_compressor(*blob, compress);
  WrittenLayer written = write_layer(layer, {.tar = compressor.get()}, stop);
  if (std::optional<LayerRecord> older = find_same_content(written, Form::kBlob)) {
    return {*older, {}};
  }
  cache::BlobInfo info = is_plain ? blob->commit_hashed(written.diff_id.digest()) : blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back({.diff_id = written.diff_id,
                               .encoder = base::encoder_id(compress),
                               .compression = row_compression(compress.compression),
                               .blob = info,
                               .media_type = layer_media_type(compress.compression)});
  return keep(written, std::move(batch));
}

ReuseSources LayerStore::State::reuse_sources() {
  return {store, [this](const DiffId& layer) { return find_index(layer); }};
}

// Compressed at once, with the blocks that the similar layer has, too.
AddedLayer LayerStore::State::add_in_blocks(const LayerEntries& layer, const StoreForm& form,
                                            const std::stop_token& stop) {
  std::string encoder = base::encoder_id(form.compress);
  std::unique_ptr<cache::BlobWriter> blob = store->blobs().write();
  std::unique_ptr<base::BlockCompressor> blocks = base::make_block_compressor(*blob, form.compress);
  std::optional<BlocksOfSimilar> similar;
  if (form.similar) {
    similar = find_blocks_of_similar(reuse_sources(), layer, *form.similar, encoder);
  }
  std::optional<ReusingSink> reusing;
  if (similar) {
    reusing.emplace(std::move(similar->blocks), *blocks);
  }
  base::Sink* tar = reusing ? static_cast<base::Sink*>(&*reusing) : blocks.get();
  WrittenLayer written = write_layer(layer, {.tar = tar}, stop);
  if (reusing && reusing->older().is_damaged()) {
    store->blobs().discard(similar->blob);
  }
  if (std::optional<LayerRecord> older = find_same_content(written, Form::kBlob)) {
    return {*older, {}};
  }
  cache::BlobInfo info = blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back({.diff_id = written.diff_id,
                               .encoder = std::move(encoder),
                               .compression = row_compression(form.compress.compression),
                               .blob = info,
                               .media_type = layer_media_type(form.compress.compression)});
  if (std::string rows = serialise_blocks(blocks->blocks()); !rows.empty()) {
    batch.blob_blocks.push_back({info.digest, std::move(rows)});
  }
  return keep(written, std::move(batch));
}

// Nothing where a patch of the similar layer is not worth it or can't be made.
std::optional<AddedLayer> LayerStore::State::add_patch(const LayerEntries& layer,
                                                       const DiffId& similar,
                                                       const std::stop_token& stop) {
  std::optional<cache::LayerRow> row = store->layers().find(similar);
  if (!row || !row->canonical || !store->layers().hold(std::span(&similar, 1)).empty()) {
    return std::nullopt;
  }
  std::optional<LayerIndex> older = find_index(similar);
  std::shared_ptr<const StoredTar> older_tar = find_stored_tar(*store, similar);
  if (!older || older_tar == nullptr) {
    return std::nullopt;
  }
  std::optional<PatchPlan> plan = plan_patch(layer, *older, *older_tar);
  if (!plan) {
    return std::nullopt;
  }
  older.reset();
  std::unique_ptr<cache::BlobWriter> blob = store->blobs().write();
  PatchSink own(*plan, *older_tar, *blob);
  WrittenLayer written = write_layer(layer, {.tar = &own}, stop);
  if (own.differs()) {
    return std::nullopt;
  }
  if (std::optional<LayerRecord> same = find_same_content(written, Form::kPatch)) {
    return AddedLayer{*same, {}};
  }
  blob->write(serialise_table(*plan));
  cache::LayerPatchRow patch{written.diff_id, {blob->commit().digest}};
  patch.blobs.insert(patch.blobs.end(), plan->other_blobs.begin(), plan->other_blobs.end());
  cache::Batch batch;
  batch.layer_patches.push_back(std::move(patch));
  return keep(written, std::move(batch));
}

AddedLayer LayerStore::State::add_tree(const LayerEntries& layer, const std::stop_token& stop) {
  cache::StagedTree staged = store->trees().stage();
  base::Fd root = base::open_directory(staged.path());
  TreeWriter tree(root, {.marks = options.marks, .owners = options.owners});
  WrittenLayer written = write_layer(
      layer, {.tree = &tree, .begin_write_back = [&] { store->begin_write_back(); }}, stop);
  if (std::optional<LayerRecord> older = find_same_content(written, Form::kTree)) {
    return {*older, {}};
  }
  store->trees().commit(std::move(staged), written.diff_id, written.tar_size);
  return keep(written, {});
}

void LayerStore::State::remember(const DiffId& diff_id, const LayerIndex& index) {
  auto held = indexes.lock();
  if (held->bytes + index.bytes().size() > kIndexesBytesMax) {
    held->by_layer.clear();
    held->bytes = 0;
  }
  if (held->by_layer.insert_or_assign(diff_id, index).second) {
    held->bytes += index.bytes().size();
  }
}

std::optional<LayerIndex> LayerStore::State::find_index(const DiffId& diff_id) {
  {
    auto held = indexes.lock();
    if (auto found = held->by_layer.find(diff_id); found != held->by_layer.end()) {
      return found->second;
    }
  }
  std::optional<cache::LayerRow> row = store->layers().find(diff_id);
  if (!row || !row->index_blob || !store->blobs().hold(*row->index_blob)) {
    return std::nullopt;
  }
  LayerIndex index = LayerIndex::parse(store->blobs().read(*row->index_blob, kIndexBytesMax));
  remember(diff_id, index);
  return index;
}

LayerIndex LayerStore::State::get_index(const DiffId& diff_id, const std::stop_token& stop) {
  if (std::optional<LayerIndex> index = find_index(diff_id)) {
    return *index;
  }
  return alone(cat("index ", diff_id.text()), stop, [&] {
    std::optional<LayerIndex> index = find_index(diff_id);
    if (!index && !has_tar(*store, diff_id) && fetch(diff_id, stop)) {
      index = find_index(diff_id);  // putting the blob made it
    }
    return index ? *index : make_index(diff_id, stop);
  });
}

// Of a layer whose index is not known.
LayerIndex LayerStore::State::make_index(const DiffId& diff_id, const std::stop_token& stop) {
  std::unique_ptr<base::Source> plain = get_tar(diff_id, stop);
  HashingSource tar(*plain);
  LayerIndex index =
      read_layer(tar, {.object = cat("layer ", diff_id.text()), .limits = options.limits}, stop);
  expect_diff_id(diff_id, tar.finish());
  cache::BlobInfo blob = store->blobs().put(index.bytes());
  cache::Batch batch;
  batch.layers.push_back({.diff_id = diff_id,
                          .content_id = content_id_of(index),
                          .tar_size = tar.size(),
                          .index_blob = blob.digest,
                          .canonical = false,
                          .created = {}});
  store->commit(batch);
  remember(diff_id, index);
  return index;
}

std::string LayerStore::State::ensure_tree(const DiffId& diff_id, std::span<const DiffId> lowers,
                                           const std::stop_token& stop) {
  store->layers().hold(std::span(&diff_id, 1));
  if (std::optional<std::string> path = find_tree(diff_id)) {
    return *path;
  }
  return alone(cat("tree ", diff_id.text()), stop, [&] {
    if (std::optional<std::string> path = store->trees().find(diff_id)) {
      return *path;
    }
    trees_wanted.lock()->insert(diff_id);
    bool takes_from_lower = needs_lower(get_index(diff_id, stop)) && !lowers.empty();
    DiffId name = takes_from_lower ? tree_name(diff_id, lowers) : diff_id;
    store->layers().hold(std::span(&name, 1));
    // Also what came with the index: then it was unpacked as it passed.
    if (std::optional<std::string> path = store->trees().find(name)) {
      return *path;
    }
    return unpack(diff_id, name, takes_from_lower ? lowers : std::span<const DiffId>(), stop);
  });
}

std::string LayerStore::State::unpack(const DiffId& diff_id, const DiffId& name,
                                      std::span<const DiffId> lowers, const std::stop_token& stop) {
  std::shared_ptr<const MergedView> lower;
  if (!lowers.empty()) {
    lower = view(lowers, stop);
  }
  std::unique_ptr<base::Source> plain = get_tar(diff_id, stop);
  cache::StagedTree staged = store->trees().stage();
  base::Fd root = base::open_directory(staged.path());
  TreeWriter tree(root, {.marks = options.marks, .owners = options.owners});
  HashingSource tar(*plain);
  read_layer(tar,
             {.object = cat("layer ", diff_id.text()),
              .limits = options.limits,
              .tree = &tree,
              .lower = lower.get()},
             stop);
  expect_diff_id(diff_id, tar.finish());
  std::string path = store->trees().commit(std::move(staged), name, tar.size());
  // Nothing else may be written in this process (a run): without a row the tree would be garbage.
  store->commit_soon({});
  return path;
}

void LayerStore::State::write_tar_of_tree(const std::string& path, const LayerIndex& index,
                                          base::Sink& out, const std::stop_token& stop) {
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

void LayerStore::State::write_tar(const DiffId& diff_id, base::Sink& out,
                                  const std::stop_token& stop) {
  base::HashingSink hashed(&out);
  std::optional<cache::LayerRow> row = store->layers().find(diff_id);
  std::optional<std::string> tree = store->trees().find(diff_id);
  // A blob is read faster than a tree, and only a layer made here can be written from its tree.
  if (row && row->canonical && tree && !has_tar(*store, diff_id)) {
    write_tar_of_tree(*tree, get_index(diff_id, stop), hashed, stop);
  } else {
    std::unique_ptr<base::Source> plain = get_tar(diff_id, stop);
    base::copy_stream(*plain, hashed, stop);
    hashed.finish();
  }
  expect_diff_id(diff_id, hashed.digest());
}

std::optional<LayerBlob> LayerStore::State::find_blob(const DiffId& diff_id,
                                                      const base::CompressOptions& compress,
                                                      Received received) {
  std::string encoder = base::encoder_id(compress);
  cache::Compression compression = row_compression(compress.compression);
  bool any_plain = compress.compression == base::Compression::kNone;
  for (const cache::LayerBlobRow& row : store->layers().blobs(diff_id)) {
    bool is_received = row.encoder == cache::kReceivedEncoder && received == Received::kTake;
    bool fits =
        row.encoder == encoder || (row.compression == compression && (is_received || any_plain));
    if (fits && store->blobs().hold(row.blob.digest)) {
      return LayerBlob{row.blob, compression_of_row(row.compression)};
    }
  }
  return std::nullopt;
}

// Writes the layer compressed; returns the blocks as the store keeps them, if there are some.
std::string LayerStore::State::compress_layer(const DiffId& diff_id,
                                              const base::CompressOptions& compress,
                                              base::Sink& out, const std::stop_token& stop) {
  std::unique_ptr<base::BlockCompressor> blocks = base::make_block_compressor(out, compress);
  if (blocks == nullptr) {
    std::unique_ptr<base::Sink> compressor = base::make_compressor(out, compress);
    write_tar(diff_id, *compressor, stop);
    return {};
  }
  std::optional<cache::LayerRow> row = store->layers().find(diff_id);
  if (!row ||
      !compress_from_sibling(reuse_sources(), *row, base::encoder_id(compress), *blocks, stop)) {
    write_tar(diff_id, *blocks, stop);
  }
  return serialise_blocks(blocks->blocks());
}

LayerBlob LayerStore::State::make_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                       const BlobFollower& follower, const std::stop_token& stop) {
  std::optional<cache::LayerRow> row = store->layers().find(diff_id);
  bool is_large = row && row->tar_size >= kCachedBytesMax;
  std::unique_ptr<cache::BlobWriter> blob = store->blobs().write(
      cache::BlobStore::Hashing::kHere,
      is_large ? cache::BlobStore::Caching::kPassBy : cache::BlobStore::Caching::kKeep);
  ForkingSink fork(*blob, follower.bytes);
  std::string blocks = compress_layer(diff_id, compress, fork, stop);
  cache::BlobInfo info = blob->commit();
  cache::Batch batch;
  batch.layer_blobs.push_back({.diff_id = diff_id,
                               .encoder = base::encoder_id(compress),
                               .compression = row_compression(compress.compression),
                               .blob = info,
                               .media_type = layer_media_type(compress.compression)});
  if (!blocks.empty()) {
    batch.blob_blocks.push_back({info.digest, std::move(blocks)});
  }
  store->commit(batch);
  if (follower.ended) {
    follower.ended({info, compress.compression});
  }
  return {info, compress.compression};
}

// A tree if there is one; a canonical plain tar serves as well; else the layer is unpacked.
std::shared_ptr<const LayerContent> LayerStore::State::content(const DiffId& diff_id,
                                                               std::span<const DiffId> lowers) {
  if (std::optional<std::string> tree = store->trees().find(diff_id)) {
    return std::make_shared<TreeContent>(base::open_directory(*tree));
  }
  std::optional<cache::LayerRow> row = store->layers().find(diff_id);
  if (row && row->canonical) {
    if (std::shared_ptr<const StoredTar> tar = find_stored_tar(*store, diff_id)) {
      return make_tar_content(std::move(tar), get_index(diff_id, {}));
    }
  }
  return std::make_shared<TreeContent>(base::open_directory(ensure_tree(diff_id, lowers, {})));
}

std::shared_ptr<const MergedView> LayerStore::State::view(std::span<const DiffId> layers,
                                                          const std::stop_token& stop) {
  store->layers().hold(layers);
  std::vector<ViewLayer> view_layers(layers.size());
  auto stack = std::make_shared<const std::vector<DiffId>>(layers.begin(), layers.end());
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto make = [this, stack, i] { return content((*stack)[i], std::span(*stack).first(i)); };
    view_layers[i].content = std::make_shared<LazyContent>(make);
    if (std::optional<LayerIndex> index = find_index(layers[i])) {
      view_layers[i].index = *index;
    } else {
      jobs.push_back([this, &view_layers, layers, i](std::stop_token job_stop) {
        view_layers[i].index = get_index(layers[i], job_stop);
      });
    }
  }
  base::run_all(std::move(jobs), kLayersAtOnce, stop);
  return std::make_shared<MergedView>(std::move(view_layers));
}

LayerStore::LayerStore(cache::Store& store, LayerStoreOptions options)
    : state_(std::make_unique<State>(store, std::move(options))) {}
LayerStore::~LayerStore() = default;

AddedLayer LayerStore::add_entries(const LayerEntries& layer, const StoreForm& form,
                                   std::stop_token stop) {
  switch (form.form) {
    case LayerForm::kTree:
      return state_->add_tree(layer, stop);
    case LayerForm::kBlob: {
      StoreForm chosen = form;
      chosen.compress.threads = std::max(form.compress.threads, state_->options.threads);
      return chosen.compress.compression == base::Compression::kGzip
                 ? state_->add_in_blocks(layer, chosen, stop)
                 : state_->add_tar(layer, chosen.compress, stop);
    }
    case LayerForm::kTar:
      break;
  }
  if (form.similar) {
    if (std::optional<AddedLayer> patch = state_->add_patch(layer, *form.similar, stop)) {
      return *std::move(patch);
    }
  }
  return state_->add_tar(layer, {.compression = base::Compression::kNone}, stop);
}

LayerRecord LayerStore::put_entries(const LayerEntries& layer, const StoreForm& form,
                                    std::stop_token stop) {
  return state_->commit(add_entries(layer, form, std::move(stop)));
}

TreeWriter::Options LayerStore::tree_options() const {
  return {.marks = state_->options.marks, .owners = state_->options.owners};
}

AddedLayer LayerStore::add_upper(StepUpper given, std::stop_token stop) {
  State& state = *state_;
  base::Fd upper = base::open_directory(given.staged.path());
  UpperForm form{.marks = state.options.marks, .owner_of_new = {}};
  if (state.options.owners == TreeWriter::Owners::kRecord) {
    form.owner_of_new = given.owner_of_new;
  }
  UpperDiff diff = diff_upper(upper, form, given.lower, stop);
  if (given.check) {
    given.check(diff.layer);
  }
  WrittenLayer written = write_layer(diff.layer, {}, stop);
  if (std::optional<LayerRecord> older = state.find_same_content(written, State::Form::kTree)) {
    return {*older, {}};
  }
  record_owners(upper, diff.unrecorded);
  remove_superfluous(upper, diff.superfluous);
  state.store->trees().commit(std::move(given.staged), written.diff_id, written.tar_size);
  return state.keep(written, {});
}

LayerRecord LayerStore::put_blob(std::unique_ptr<base::Source> blob, const ReceivedBlob& received,
                                 std::stop_token stop) {
  State& state = *state_;
  ReceivedBlob wanted = received;
  if (wanted.diff_id && state.trees_wanted.lock()->contains(*wanted.diff_id)) {
    wanted.make_tree = true;
  }
  ReceivedLayer layer = base::noting(
      [&] { return cat("reading layer ", wanted.digest ? wanted.digest->text() : "archive"); },
      [&] { return receive_layer(*state.store, std::move(blob), wanted, state.options, stop); });
  state.store->commit(layer.rows);
  state.remember(layer.record.diff_id, layer.index);
  return layer.record;
}

bool LayerStore::has(const cache::DiffId& diff_id) {
  return state_->store->layers().hold(std::span(&diff_id, 1)).empty() && state_->has_bytes(diff_id);
}

std::string LayerStore::ensure_tree(const DiffId& diff_id, std::span<const DiffId> lowers,
                                    std::stop_token stop) {
  return state_->ensure_tree(diff_id, lowers, stop);
}

std::vector<std::string> LayerStore::ensure_trees(std::span<const DiffId> layers,
                                                  std::stop_token stop) {
  std::vector<std::string> paths(layers.size());
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  state_->store->layers().hold(layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (std::optional<std::string> path = state_->find_tree(layers[i])) {
      paths[i] = *path;
      continue;
    }
    jobs.push_back([this, &paths, layers, i](std::stop_token job_stop) {
      paths[i] = state_->ensure_tree(layers[i], layers.first(i), job_stop);
    });
  }
  base::run_all(std::move(jobs), kLayersAtOnce, stop);
  return flatten_stack(*state_->store, std::move(paths), tree_options(), stop);
}

std::optional<LayerBlob> LayerStore::find_blob(const DiffId& diff_id,
                                               const base::CompressOptions& compress,
                                               Received received) {
  state_->store->layers().hold(std::span(&diff_id, 1));
  return state_->find_blob(diff_id, compress, received);
}

LayerBlob LayerStore::ensure_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                  Received received, std::stop_token stop) {
  return ensure_blob(diff_id, compress, received, {}, std::move(stop));
}

LayerBlob LayerStore::ensure_blob(const DiffId& diff_id, const base::CompressOptions& compress,
                                  Received received, const BlobFollower& follower,
                                  std::stop_token stop) {
  State& state = *state_;
  base::CompressOptions chosen = compress;
  chosen.threads = std::max(chosen.threads, state.options.threads);
  state.store->layers().hold(std::span(&diff_id, 1));
  return state.alone(cat("blob ", diff_id.text(), " ", base::encoder_id(chosen)), stop, [&] {
    std::optional<LayerBlob> found = state.find_blob(diff_id, chosen, received);
    return found ? *found : state.make_blob(diff_id, chosen, follower, stop);
  });
}

void LayerStore::write_tar(const DiffId& diff_id, base::Sink& out, std::stop_token stop) {
  state_->store->layers().hold(std::span(&diff_id, 1));
  state_->write_tar(diff_id, out, stop);
}

LayerIndex LayerStore::index(const DiffId& diff_id, std::stop_token stop) {
  return state_->get_index(diff_id, stop);
}

std::shared_ptr<const MergedView> LayerStore::view(std::span<const DiffId> layers,
                                                   std::stop_token stop) {
  return state_->view(layers, stop);
}

}  // namespace slipway::builder
