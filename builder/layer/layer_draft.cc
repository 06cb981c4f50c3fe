#include "builder/layer/layer_draft.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;

[[noreturn]] void fail_no_directory(const ImagePath& path) {
  base::fail(ErrorKind::kInput, cat("cannot copy to non-directory: ", path.text()));
}

const ImagePath& path_of(const LayerEntry& entry) {
  return entry.entry.path;
}

}  // namespace

// What is put comes in path order nearly always, so most paths are beyond the last one.
bool LayerDraft::is_beyond_all(const ImagePath& path) const {
  return (ordered_.empty() || ordered_.back().entry.path < path) &&
         (others_.empty() || others_.rbegin()->first < path);
}

const LayerEntry* LayerDraft::locate(const ImagePath& path) const {
  if (is_beyond_all(path)) {
    return nullptr;
  }
  if (auto found = others_.find(path); found != others_.end()) {
    return &found->second;
  }
  auto found = std::ranges::lower_bound(ordered_, path, {}, path_of);
  return found != ordered_.end() && found->entry.path == path ? &*found : nullptr;
}

LayerEntry* LayerDraft::locate(const ImagePath& path) {
  return const_cast<LayerEntry*>(std::as_const(*this).locate(path));
}

void LayerDraft::reserve(std::size_t entries) {
  // Where it is reserved for again and again, it still grows by a factor and not by pieces.
  if (std::size_t wanted = ordered_.size() + entries; wanted > ordered_.capacity()) {
    ordered_.reserve(ordered_.empty() ? wanted : std::max(wanted, 2 * ordered_.size()));
  }
}

// Entries are about to be taken out of the middle.
void LayerDraft::disperse() {
  for (LayerEntry& entry : ordered_) {
    ImagePath path = entry.entry.path;
    others_.insert_or_assign(std::move(path), std::move(entry));
  }
  ordered_.clear();
}

// Does the image's content of the directory show through the draft?
bool LayerDraft::shows_lower(const ImagePath& directory) const {
  if (lower_ == nullptr) {
    return false;
  }
  if (last_shown_ && last_shown_->first == directory) {
    return last_shown_->second;
  }
  bool shown = true;
  for (ImagePath path = directory; shown && !path.is_root(); path = path.parent()) {
    if (const LayerEntry* found = locate(path)) {
      shown = found->entry.is_directory() && !found->entry.opaque;
    }
  }
  if (shown && !directory.is_root()) {
    std::optional<Entry> entry = lower_->find(directory);
    shown = entry && entry->is_directory();
  }
  last_shown_.emplace(directory, shown);
  return shown;
}

std::optional<Entry> LayerDraft::find(const ImagePath& path) const {
  if (const LayerEntry* found = locate(path)) {
    return found->entry;
  }
  if (path.is_root()) {
    return lower_ == nullptr ? make_implied_directory(path) : lower_->find(path);
  }
  return shows_lower(path.parent()) ? lower_->find(path) : std::nullopt;
}

ResolvedPath LayerDraft::resolve(const ImagePath& path) const {
  return resolve_with([this](const ImagePath& at) { return find(at); }, path, LastLink::kFollow);
}

void LayerDraft::insert(LayerEntry entry) {
  const ImagePath& path = entry.entry.path;
  if (entry.entry.type == EntryType::kHardlink) {
    links_[ImagePath::clean(entry.entry.link_target)].push_back(path);
  }
  if (last_shown_ && path.contains(last_shown_->first)) {
    last_shown_.reset();
  }
  if (is_beyond_all(path)) {
    ordered_.push_back(std::move(entry));
  } else if (LayerEntry* there = locate(path)) {
    *there = std::move(entry);
  } else {
    ImagePath key = path;
    others_.emplace(std::move(key), std::move(entry));
  }
}

// The image's directories on the way become part of the layer, as overlay would copy them up.
void LayerDraft::repeat(const ImagePath& directory) {
  if (directory.is_root() || last_parent_ == directory) {
    return;
  }
  if (locate(directory) != nullptr) {
    last_parent_ = directory;
    return;
  }
  repeat(directory.parent());
  std::optional<Entry> entry = find(directory);
  if (!entry || !entry->is_directory()) {
    base::fail(ErrorKind::kInternal, cat(directory.text(), " is no directory of the layer"));
  }
  insert({.entry = std::move(*entry), .view = nullptr, .view_path = {}, .text = nullptr});
}

void LayerDraft::make_directories(const ImagePath& path, const NewDirectory& attributes) {
  if (std::optional<Entry> entry = find(path)) {
    if (!entry->is_directory()) {
      fail_no_directory(path);
    }
    return;
  }
  make_directories(path.parent(), attributes);
  repeat(path.parent());
  Entry entry = make_implied_directory(path);
  entry.mode = attributes.mode;
  entry.uid = attributes.owner.uid;
  entry.gid = attributes.owner.gid;
  entry.mtime = attributes.mtime;
  insert({.entry = std::move(entry), .view = nullptr, .view_path = {}, .text = nullptr});
}

void LayerDraft::put(LayerEntry entry) {
  const ImagePath path = entry.entry.path;
  if (std::optional<Entry> there = find(path); there && there->is_directory()) {
    base::fail(ErrorKind::kInput, cat("cannot replace to directory ", path.text(), " with file"));
  }
  repeat(path.parent());
  hand_on_links(path);
  insert(std::move(entry));
}

void LayerDraft::put_directory(LayerEntry entry) {
  const ImagePath path = entry.entry.path;
  std::optional<Entry> there = find(path);
  if (there && !there->is_directory()) {
    fail_no_directory(path);
  }
  repeat(path.parent());
  entry.entry.opaque = there && there->opaque;
  insert(std::move(entry));
}

void LayerDraft::put_replacing(LayerEntry entry) {
  const ImagePath path = entry.entry.path;
  std::optional<Entry> there = find(path);
  bool is_directory = entry.entry.is_directory();
  if (there && there->is_directory() == is_directory) {
    return is_directory ? put_directory(std::move(entry)) : put(std::move(entry));
  }
  if (there) {
    hand_on_links(path);
    remove(path);
    last_shown_.reset();
    last_parent_.reset();
    // A directory that takes the place of a file which took that of a directory of the image: what
    // that one held stays away.
    if (is_directory && shows_lower(path.parent())) {
      std::optional<Entry> below = lower_->find(path);
      entry.entry.opaque = below && below->is_directory();
    }
  }
  repeat(path.parent());
  insert(std::move(entry));
}

// With all below it.
void LayerDraft::remove(const ImagePath& path) {
  auto ordered = std::ranges::lower_bound(ordered_, path, {}, path_of);
  if (ordered != ordered_.end() && path.contains(ordered->entry.path)) {
    disperse();
  }
  auto first = others_.lower_bound(path);
  while (first != others_.end() && path.contains(first->first)) {
    first = others_.erase(first);
  }
}

// Files whose first name goes live on under the next one.
void LayerDraft::hand_on_links(const ImagePath& removed) {
  auto next = links_.lower_bound(removed);
  while (next != links_.end() && removed.contains(next->first)) {
    auto links = links_.extract(next++);
    std::vector<ImagePath> names = std::move(links.mapped());
    std::erase_if(names, [&](const ImagePath& name) {
      const LayerEntry* link = locate(name);
      return removed.contains(name) || link == nullptr ||
             link->entry.type != EntryType::kHardlink ||
             link->entry.link_target != links.key().text();
    });
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.empty()) {
      continue;
    }
    ImagePath first = names.front();
    names.erase(names.begin());
    Entry& file = locate(first)->entry;
    file.type = EntryType::kFile;
    file.link_target.clear();
    for (const ImagePath& name : names) {
      locate(name)->entry.link_target = first.text();
    }
    std::ranges::move(names, std::back_inserter(links_[first]));
  }
}

void LayerDraft::set_time(const ImagePath& directory, base::Timestamp mtime) {
  LayerEntry* found = locate(directory);
  if (found != nullptr && found->entry.is_directory()) {
    found->entry.mtime = mtime;
  }
}

LayerEntries LayerDraft::take() {
  LayerEntries layer;
  layer.entries = std::exchange(ordered_, {});
  auto others = static_cast<std::ptrdiff_t>(layer.entries.size());
  for (auto& [path, entry] : others_) {
    layer.entries.push_back(std::move(entry));
  }
  others_.clear();
  std::ranges::inplace_merge(layer.entries, layer.entries.begin() + others, {}, path_of);
  return layer;
}

}  // namespace slipway::builder
