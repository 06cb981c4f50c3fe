#pragma once

#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "builder/layer/merged_view.h"
#include "builder/layer/stored_layers.h"
#include "cache/content/ids.h"

namespace slipway::builder {

// How LayerStore gives layers as files: unpacked to trees that can be mounted, and as views of a
// stack. Each needs the other: a view reads files from trees, and unpacking a layer that takes
// something from those below it looks at them through a view. Safe for many threads.
class LayerTrees {
 public:
  // `layers` is owned by the caller; both outlive the views made here.
  explicit LayerTrees(StoredLayers& layers) : layers_(&layers) {}

  // As LayerStore has them. One thread unpacks a layer, others that ask meanwhile wait for that.
  std::string ensure_tree(const cache::DiffId& diff_id, std::span<const cache::DiffId> lowers,
                          const std::stop_token& stop);
  std::vector<std::string> ensure_trees(std::span<const cache::DiffId> stack,
                                        const std::stop_token& stop);
  std::shared_ptr<const MergedView> view(std::span<const cache::DiffId> stack,
                                         const std::stop_token& stop);

  // Whether somebody has asked for its tree: if it arrives now, it is unpacked as it passes.
  bool is_wanted(const cache::DiffId& diff_id) { return wanted_.lock()->contains(diff_id); }

 private:
  std::string unpack(const cache::DiffId& diff_id, const cache::DiffId& name,
                     std::span<const cache::DiffId> lowers, const std::stop_token& stop);
  std::shared_ptr<const LayerContent> open_content(const cache::DiffId& diff_id,
                                                   std::span<const cache::DiffId> lowers);

  StoredLayers* layers_;
  base::Guarded<std::set<cache::DiffId>> wanted_;
};

}  // namespace slipway::builder
