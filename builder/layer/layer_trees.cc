#include "builder/layer/layer_trees.h"

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/flatten.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/layer_streams.h"
#include "builder/layer/stored_tar.h"
#include "builder/layer/tar_content.h"

namespace slipway::builder {

namespace {

using base::cat;
using cache::DiffId;

// Layers that are fetched or unpacked at once.
constexpr unsigned kLayersAtOnce = 3;

// The name under which the tree of a layer that takes something from those below it is kept: it is
// another tree on other layers.
DiffId tree_name(const DiffId& diff_id, std::span<const DiffId> lowers) {
  std::string text = cat("tree of ", diff_id.text(), " on\n");
  for (const DiffId& lower : lowers) {
    text += cat(lower.text(), "\n");
  }
  return DiffId(base::sha256_of(text));
}

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

std::string LayerTrees::ensure_tree(const DiffId& diff_id, std::span<const DiffId> lowers,
                                    const std::stop_token& stop) {
  cache::Store& store = layers_->store();
  store.layers().hold(std::span(&diff_id, 1));
  if (std::optional<std::string> path = layers_->find_tree(diff_id)) {
    return *path;
  }
  NamedLocks::Held held = layers_->making().lock(cat("tree ", diff_id.text()), stop);
  if (std::optional<std::string> path = store.trees().find(diff_id)) {
    return *path;
  }
  wanted_.lock()->insert(diff_id);
  bool takes_from_lower = needs_lower(layers_->get_index(diff_id, stop)) && !lowers.empty();
  DiffId name = takes_from_lower ? tree_name(diff_id, lowers) : diff_id;
  store.layers().hold(std::span(&name, 1));
  // Also what came with the index: then it was unpacked as it passed.
  if (std::optional<std::string> path = store.trees().find(name)) {
    return *path;
  }
  return unpack(diff_id, name, takes_from_lower ? lowers : std::span<const DiffId>(), stop);
}

std::string LayerTrees::unpack(const DiffId& diff_id, const DiffId& name,
                               std::span<const DiffId> lowers, const std::stop_token& stop) {
  cache::Store& store = layers_->store();
  std::shared_ptr<const MergedView> lower;
  if (!lowers.empty()) {
    lower = view(lowers, stop);
  }
  std::unique_ptr<base::Source> plain = layers_->get_tar(diff_id, stop);
  cache::StagedTree staged = store.trees().stage();
  base::Fd root = base::open_directory(staged.path());
  TreeWriter tree(root, layers_->tree_options());
  HashingSource tar(*plain);
  read_layer(tar,
             {.object = cat("layer ", diff_id.text()),
              .limits = layers_->options().limits,
              .tree = &tree,
              .lower = lower.get()},
             stop);
  expect_diff_id(diff_id, tar.finish());
  std::string path = store.trees().commit(std::move(staged), name, tar.size());
  // Nothing else may be written in this process (a run): without a row the tree would be garbage.
  store.commit_soon({});
  return path;
}

std::vector<std::string> LayerTrees::ensure_trees(std::span<const DiffId> stack,
                                                  const std::stop_token& stop) {
  std::vector<std::string> paths(stack.size());
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  layers_->store().layers().hold(stack);
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (std::optional<std::string> path = layers_->find_tree(stack[i])) {
      paths[i] = *path;
      continue;
    }
    jobs.push_back([this, &paths, stack, i](std::stop_token job_stop) {
      paths[i] = ensure_tree(stack[i], stack.first(i), job_stop);
    });
  }
  base::run_all(std::move(jobs), kLayersAtOnce, stop);
  return flatten_stack(layers_->store(), std::move(paths), layers_->tree_options(), stop);
}

// A tree if there is one; a canonical plain tar serves as well; else the layer is unpacked.
std::shared_ptr<const LayerContent> LayerTrees::open_content(const DiffId& diff_id,
                                                             std::span<const DiffId> lowers) {
  cache::Store& store = layers_->store();
  if (std::optional<std::string> tree = store.trees().find(diff_id)) {
    return std::make_shared<TreeContent>(base::open_directory(*tree));
  }
  std::optional<cache::LayerRow> row = store.layers().find(diff_id);
  if (row && row->canonical) {
    if (std::shared_ptr<const StoredTar> tar = find_stored_tar(store, diff_id)) {
      return make_tar_content(std::move(tar), layers_->get_index(diff_id, {}));
    }
  }
  return std::make_shared<TreeContent>(base::open_directory(ensure_tree(diff_id, lowers, {})));
}

std::shared_ptr<const MergedView> LayerTrees::view(std::span<const DiffId> stack,
                                                   const std::stop_token& stop) {
  layers_->store().layers().hold(stack);
  std::vector<ViewLayer> view_layers(stack.size());
  auto kept_stack = std::make_shared<const std::vector<DiffId>>(stack.begin(), stack.end());
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    auto make = [this, kept_stack, i] {
      return open_content((*kept_stack)[i], std::span(*kept_stack).first(i));
    };
    view_layers[i].content = std::make_shared<LazyContent>(make);
    if (std::optional<LayerIndex> index = layers_->find_index(stack[i])) {
      view_layers[i].index = *index;
    } else {
      jobs.push_back([this, &view_layers, stack, i](std::stop_token job_stop) {
        view_layers[i].index = layers_->get_index(stack[i], job_stop);
      });
    }
  }
  base::run_all(std::move(jobs), kLayersAtOnce, stop);
  return std::make_shared<MergedView>(std::move(view_layers));
}

}  // namespace slipway::builder
