#include "builder/layer/merged_view.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::builder {

// Which files of a layer have more names than one, found when somebody first asks.
struct MergedView::LinkTargets {
  std::once_flag once;
  std::set<std::size_t> places;
};

MergedView::MergedView(std::vector<ViewLayer> layers) : layers_(std::move(layers)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    link_targets_.push_back(std::make_unique<LinkTargets>());
  }
}
MergedView::~MergedView() = default;

// The layers (of the lowest `layer_end`) whose content of `directory` can be seen: down to the
// first one that hides what is below it.
std::vector<std::size_t> MergedView::layers_showing(const base::ImagePath& directory,
                                                    std::size_t layer_end) const {
  std::vector<base::ImagePath> way{directory};
  while (!way.back().is_root()) {
    way.push_back(way.back().parent());
  }
  std::vector<std::size_t> showing;
  for (std::size_t layer = layer_end; layer-- > 0;) {
    bool hides = false;
    for (const base::ImagePath& path : way) {
      std::optional<std::size_t> place = layers_[layer].index.find_place(path);
      if (!place) {
        continue;
      }
      if (layers_[layer].index.type_at(*place) != EntryType::kDirectory) {
        return showing;  // a whiteout or a file where the directory would be
      }
      hides = hides || layers_[layer].index.at(*place).opaque;
    }
    showing.push_back(layer);
    if (hides) {
      break;
    }
  }
  return showing;
}

// `path` in the layers that show its directory, top first.
std::optional<MergedView::Found> MergedView::look_up(
    const base::ImagePath& path, const std::vector<std::size_t>& showing) const {
  std::optional<std::size_t> implied;  // the topmost layer that has something below the path
  for (std::size_t layer : showing) {
    const LayerIndex& index = layers_[layer].index;
    if (std::optional<std::size_t> place = index.find_place(path)) {
      EntryType type = index.type_at(*place);
      if (type == EntryType::kDirectory || (type != EntryType::kWhiteout && !implied)) {
        return found_in(layer, index.at(*place));
      }
      break;
    }
    if (!implied && !index.below(path).empty()) {
      implied = layer;
    }
  }
  if (!implied && !path.is_root()) {
    return std::nullopt;
  }
  return Found{make_implied_directory(path), implied.value_or(0), path};
}

std::optional<MergedView::Found> MergedView::find_among(const base::ImagePath& path,
                                                        std::size_t layer_end) const {
  if (!path.is_root()) {
    return look_up(path, layers_showing(path.parent(), layer_end));
  }
  std::vector<std::size_t> all;
  for (std::size_t layer = layer_end; layer-- > 0;) {
    all.push_back(layer);
  }
  return look_up(path, all);
}

// What an entry of a layer's index is in the view: hard links become files.
MergedView::Found MergedView::found_in(std::size_t layer, Entry entry) const {
  base::ImagePath content_path = entry.path;
  entry.opaque = false;
  if (entry.type == EntryType::kHardlink) {
    content_path = base::ImagePath::clean(entry.link_target);
    entry.type = EntryType::kFile;
    entry.link_target.clear();
    if (!entry.digest) {
      // Its first name is in a lower layer.
      std::optional<Found> first = find_among(content_path, layer);
      if (!first || first->entry.type != EntryType::kFile) {
        base::fail(base::ErrorKind::kInput, base::cat("hard link ", entry.path.text(), " to ",
                                                      content_path.text(), ", which is no file"));
      }
      entry.size = first->entry.size;
      entry.digest = first->entry.digest;
      return Found{std::move(entry), first->layer, first->content_path};
    }
  }
  return Found{std::move(entry), layer, std::move(content_path)};
}

std::optional<Entry> MergedView::find(const base::ImagePath& path) const {
  std::optional<Found> found = find_among(path, layers_.size());
  return found ? std::optional(std::move(found->entry)) : std::nullopt;
}

std::vector<Entry> MergedView::children(const base::ImagePath& path) const {
  std::vector<std::size_t> showing = layers_showing(path, layers_.size());
  std::vector<std::string> names;
  for (std::size_t layer : showing) {
    std::vector<std::string> more = layers_[layer].index.child_names(path);
    std::size_t middle = names.size();
    std::move(more.begin(), more.end(), std::back_inserter(names));
    std::inplace_merge(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(middle),
                       names.end());
  }
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<Entry> entries;
  entries.reserve(names.size());
  for (const std::string& name : names) {
    if (std::optional<Found> found = look_up(path.child(name), showing)) {
      entries.push_back(std::move(found->entry));
    }
  }
  return entries;
}

MergedView::Found MergedView::get_file(const Entry& file) const {
  std::optional<Found> found = find_among(file.path, layers_.size());
  if (!found || found->entry.type != EntryType::kFile) {
    base::fail(base::ErrorKind::kInternal,
               base::cat(file.path.text(), " is no regular file of the layers"));
  }
  return std::move(*found);
}

std::unique_ptr<base::Source> MergedView::open(const Entry& file) const {
  Found found = get_file(file);
  const ViewLayer& layer = layers_[found.layer];
  std::optional<Entry> stored = layer.index.find(found.content_path);
  if (!stored || stored->type != EntryType::kFile) {
    base::fail(base::ErrorKind::kIntegrity,
               base::cat(file.path.text(), ": its layer has no content for it"));
  }
  return layer.content->open(*stored);
}

base::Digest MergedView::digest(const Entry& file) const {
  if (file.digest) {
    return *file.digest;
  }
  Found found = get_file(file);
  if (!found.entry.digest) {
    base::fail(base::ErrorKind::kIntegrity,
               base::cat(file.path.text(), ": its layer's index has no digest of it"));
  }
  return *found.entry.digest;
}

// The first names in the layer that have others, from one look at its types.
const std::set<std::size_t>& MergedView::link_targets(std::size_t layer) const {
  LinkTargets& targets = *link_targets_[layer];
  std::call_once(targets.once, [&] {
    const LayerIndex& index = layers_[layer].index;
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index.type_at(i) != EntryType::kHardlink) {
        continue;
      }
      std::optional<std::size_t> target =
          index.find_place(base::ImagePath::clean(index.at(i).link_target));
      if (target) {
        targets.places.insert(*target);
      }
    }
  });
  return targets.places;
}

std::uint64_t MergedView::link_group(const Entry& file) const {
  bool has_links = false;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    has_links = has_links || !link_targets(layer).empty();
  }
  if (!has_links) {
    return 0;
  }
  Found found = get_file(file);
  std::optional<std::size_t> first = layers_[found.layer].index.find_place(found.content_path);
  if (!first || !link_targets(found.layer).contains(*first)) {
    return 0;
  }
  return (static_cast<std::uint64_t>(found.layer + 1) << 32) | *first;
}

}  // namespace slipway::builder
