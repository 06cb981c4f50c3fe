#pragma once

#include <memory>
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
// would show. With one layer it is the view of that layer alone.
class MergedView : public TreeView {
 public:
  explicit MergedView(std::vector<ViewLayer> layers) : layers_(std::move(layers)) {}

  std::optional<Entry> find(const base::ImagePath& path) const override;
  std::vector<Entry> children(const base::ImagePath& path) const override;
  std::unique_ptr<base::Source> open(const Entry& file) const override;
  base::Digest digest(const Entry& file) const override;
  std::uint64_t link_group(const Entry& file) const override;

  std::size_t layer_count() const { return layers_.size(); }

 private:
  struct Found {
    Entry entry;
    std::size_t layer;  // whose index says so
  };
  std::optional<Found> find_below(const base::ImagePath& path, std::size_t layers) const;
  std::optional<Found> find_file(const Entry& file) const;

  std::vector<ViewLayer> layers_;
};

}  // namespace slipway::builder
