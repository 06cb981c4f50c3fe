#include "builder/layer/layer_draft.h"

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;

[[noreturn]] void fail_no_directory(const ImagePath& path) {
  base::fail(ErrorKind::kInput, cat("cannot copy to non-directory: ", path.text()));
}

}  // namespace

// What is put comes in path order nearly always, so most paths are beyond the last one.
LayerDraft::Entries::const_iterator LayerDraft::locate(const ImagePath& path) const {
  if (entries_.empty() || entries_.rbegin()->first < path) {
    return entries_.end();
  }
  return entries_.find(path);
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
    auto found = locate(path);
    if (found != entries_.end()) {
      const Entry& entry = found->second.entry;
      shown = entry.is_directory() && !entry.opaque;
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
  auto found = locate(path);
  if (found != entries_.end()) {
    return found->second.entry;
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
  has_links_ = has_links_ || entry.entry.type == EntryType::kHardlink;
  ImagePath path = entry.entry.path;
  if (last_shown_ && path.contains(last_shown_->first)) {
    last_shown_.reset();
  }
  entries_.insert_or_assign(entries_.end(), std::move(path), std::move(entry));
}

// The image's directories on the way become part of the layer, as overlay would copy them up.
void LayerDraft::repeat(const ImagePath& directory) {
  if (directory.is_root() || last_parent_ == directory) {
    return;
  }
  if (locate(directory) != entries_.end()) {
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
    auto first = entries_.lower_bound(path);
    while (first != entries_.end() && path.contains(first->first)) {
      first = entries_.erase(first);
    }
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

// Files whose first name goes live on under the next one.
void LayerDraft::hand_on_links(const ImagePath& removed) {
  if (!has_links_) {
    return;
  }
  std::map<std::string, std::string> new_names;
  for (auto& [path, planned] : entries_) {
    Entry& entry = planned.entry;
    if (entry.type != EntryType::kHardlink || removed.contains(path) ||
        !removed.contains(ImagePath::clean(entry.link_target))) {
      continue;
    }
    auto [name, is_first] = new_names.try_emplace(entry.link_target, path.text());
    if (is_first) {
      entry.type = EntryType::kFile;
      entry.link_target.clear();
    } else {
      entry.link_target = name->second;
    }
  }
}

void LayerDraft::set_time(const ImagePath& directory, base::Timestamp mtime) {
  auto found = entries_.find(directory);
  if (found != entries_.end() && found->second.entry.is_directory()) {
    found->second.entry.mtime = mtime;
  }
}

LayerEntries LayerDraft::take() {
  LayerEntries layer;
  layer.entries.reserve(entries_.size());
  // One by one, so that there is never a second copy of them all.
  for (auto entry = entries_.begin(); entry != entries_.end(); entry = entries_.erase(entry)) {
    layer.entries.push_back(std::move(entry->second));
  }
  return layer;
}

}  // namespace slipway::builder
