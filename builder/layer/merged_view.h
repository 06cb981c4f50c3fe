#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "builder/layer/layer_index.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

// The content of the files of one layer. Safe for many threads.
class LayerContent {
 public:
  virtual ~LayerContent() = default;
  // `file` is a kFile entry of the layer's index.
  virtual std::unique_ptr<base::Source> open(const Entry& file) const = 0;
};

struct ViewLayer {
  LayerIndex index;
  std::shared_ptr<const LayerContent> content;
};

// Layers stacked, bottom first, with whiteouts and opaque directories applied: what a mount of them
// would show. With one layer it is the view of that layer alone. A directory that a layer only
// implies has the attributes of the one below it.
class MergedView : public TreeView {
 public:
  explicit MergedView(std::vector<ViewLayer> layers);
  ~MergedView() override;

  std::optional<Entry> find(const base::ImagePath& path) const override;
  std::vector<Entry> children(const base::ImagePath& path) const override;
  std::unique_ptr<base::Source> open(const Entry& file) const override;
  base::Digest digest(const Entry& file) const override;
  std::uint64_t link_group(const Entry& file) const override;

  std::size_t layer_count() const { return layers_.size(); }

 private:
  // A path as a view shows it, and which file of which layer has its content.
  struct Found {
    Entry entry;
    std::size_t layer = 0;
    base::ImagePath content_path;  // differs from the entry's for a hard link
  };
  struct LinkTargets;

  // Numbers of layers, top first.
  std::vector<std::size_t> layers_showing(const base::ImagePath& directory,
                                          std::size_t layer_end) const;
  std::optional<Found> look_up(const base::ImagePath& path,
                               const std::vector<std::size_t>& showing) const;
  std::optional<Found> find_among(const base::ImagePath& path, std::size_t layer_end) const;
  Found found_in(std::size_t layer, Entry entry) const;
  Found get_file(const Entry& file) const;
  const std::set<std::size_t>& link_targets(std::size_t layer) const;

  std::vector<ViewLayer> layers_;
  std::vector<std::unique_ptr<LinkTargets>> link_targets_;  // beside each layer
};

}  // namespace slipway::builder
