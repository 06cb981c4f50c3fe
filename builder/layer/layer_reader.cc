#include "builder/layer/layer_reader.h"

#include <map>
#include <set>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;

// Directories above entries that have no entry of their own, without the root.
std::set<ImagePath> implied_directories(const std::map<ImagePath, Entry>& entries) {
  std::set<ImagePath> implied;
  for (const auto& [path, entry] : entries) {
    for (ImagePath parent = path.parent(); !parent.is_root(); parent = parent.parent()) {
      if (entries.contains(parent) || !implied.insert(parent).second) {
        break;
      }
    }
  }
  return implied;
}

// The layer as far as it was read.
class Assembly {
 public:
  explicit Assembly(const LayerReadOptions& options)
      : options_(&options), piece_(base::kCopyPieceBytes) {}

  void take(TarMember member, base::Source& content);
  LayerIndex finish();

 private:
  using Entries = std::map<ImagePath, Entry>;

  [[noreturn]] void fail(std::string_view name, std::string_view what) const {
    base::fail(ErrorKind::kInput,
               cat(options_->object, ": member ", base::quote(name), ": ", what));
  }

  ImagePath directory_of(const ImagePath& path);
  ImagePath resolved(const ImagePath& path);
  void take_marker(const ImagePath& directory, std::string_view name, const TarMember& member);
  void take_whiteout(ImagePath path);
  void set_opaque(const ImagePath& directory);
  Entry entry_of(ImagePath path, TarMember member) const;
  Entry link_of(ImagePath path, const TarMember& member);
  void put(Entry entry, base::Source& content);
  void make_room(Entry& entry);
  void remove(const ImagePath& path);
  void hand_on_links(const ImagePath& removed);
  void write_content(Entry& entry, base::Source& content);
  void write_file_of_lower(Entry& entry);
  void finish_tree();

  const LayerReadOptions* options_;  // owned by the caller
  Entries entries_;
  bool has_links_ = false;
  base::Sha256 hash_;
  std::vector<char> piece_;
  // The parent that was resolved last, while no link was added or removed.
  ImagePath last_parent_;
  ImagePath last_resolved_;
};

// The directory that `path` (a cleaned name) means, with links of this layer followed. What is
// there as a whiteout becomes a directory that hides what was below it.
ImagePath Assembly::directory_of(const ImagePath& path) {
  if (path == last_parent_) {
    return last_resolved_;
  }
  std::vector<std::string> todo;
  auto push = [&](std::string_view text) {
    std::vector<std::string_view> parts = base::split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") {
        todo.emplace_back(*part);
      }
    }
  };
  push(path.text());
  ImagePath here;
  int links = 0;
  while (!todo.empty()) {
    std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == "..") {
      here = here.parent();
      continue;
    }
    ImagePath next = here.child(part);
    auto found = entries_.find(next);
    if (found == entries_.end() || found->second.is_directory()) {
      here = std::move(next);
    } else if (found->second.is_symlink()) {
      if (++links > kLinksMax) {
        fail(path.text(), "too many links on the way");
      }
      here = found->second.link_target.starts_with('/') ? ImagePath() : here;
      push(found->second.link_target);
    } else if (found->second.type == EntryType::kWhiteout) {
      found->second = make_implied_directory(next);
      found->second.opaque = true;
      here = std::move(next);
    } else {
      fail(path.text(),
           cat("its parent ", next.text(), " is a ", entry_type_name(found->second.type)));
    }
  }
  last_parent_ = path;
  last_resolved_ = here;
  return here;
}

ImagePath Assembly::resolved(const ImagePath& path) {
  return path.is_root() ? path : directory_of(path.parent()).child(path.base_name());
}

void Assembly::take(TarMember member, base::Source& content) {
  ImagePath cleaned = ImagePath::clean(member.name);
  if (cleaned.text().size() > options_->limits.name_bytes) {
    fail(member.name, cat("a name of more than ", options_->limits.name_bytes, " bytes"));
  }
  if (cleaned.base_name().starts_with(tar::kWhiteoutPrefix)) {
    take_marker(directory_of(cleaned.parent()), cleaned.base_name(), member);
    return;
  }
  ImagePath path = resolved(cleaned);
  if (path.is_root() && member.type != EntryType::kDirectory) {
    fail(member.name, "the root can only be a directory");
  }
  Entry entry = member.type == EntryType::kHardlink ? link_of(std::move(path), member)
                                                    : entry_of(std::move(path), std::move(member));
  put(std::move(entry), content);
}

void Assembly::take_marker(const ImagePath& directory, std::string_view name,
                           const TarMember& member) {
  if (name == tar::kOpaqueMarker) {
    set_opaque(directory);
    return;
  }
  if (name.starts_with(tar::kReservedPrefix)) {
    return;  // what AUFS kept for itself
  }
  std::string_view hidden = name.substr(tar::kWhiteoutPrefix.size());
  if (!base::is_path_part(hidden)) {
    fail(member.name, "a whiteout that names nothing");
  }
  take_whiteout(directory.child(hidden));
}

void Assembly::set_opaque(const ImagePath& directory) {
  auto [entry, is_new] = entries_.try_emplace(directory, make_implied_directory(directory));
  entry->second.opaque = true;
}

// A whiteout speaks of lower layers only: what this layer has at the path stays, and hides what
// they have.
void Assembly::take_whiteout(ImagePath path) {
  last_parent_ = last_resolved_ = {};
  auto found = entries_.find(path);
  if (found != entries_.end()) {
    found->second.opaque = found->second.is_directory();
    return;
  }
  auto next = entries_.upper_bound(path);
  if (next != entries_.end() && path.contains(next->first)) {
    set_opaque(path);  // a directory that is only implied
    return;
  }
  Entry whiteout = make_whiteout(path);
  entries_.emplace(std::move(path), std::move(whiteout));
}

Entry Assembly::entry_of(ImagePath path, TarMember member) const {
  drop_foreign_xattrs(member.xattrs);
  if (member.type == EntryType::kSymlink && member.link_name.empty()) {
    fail(member.name, "a symbolic link without a target");
  }
  return Entry{.path = std::move(path),
               .type = member.type,
               .mode = member.mode,
               .uid = member.uid,
               .gid = member.gid,
               .mtime = member.mtime,
               .size = member.type == EntryType::kFile ? member.size : 0,
               .link_target = member.type == EntryType::kSymlink ? std::move(member.link_name) : "",
               .device_major = member.device_major,
               .device_minor = member.device_minor,
               .xattrs = std::move(member.xattrs)};
}

// One more name of something that came before, which keeps its attributes: those of the link's own
// header are not looked at, as tar(1) has it. Only files are linked; of a symlink, device or fifo a
// second one is made, which nobody can tell from the first.
Entry Assembly::link_of(ImagePath path, const TarMember& member) {
  ImagePath target = resolved(ImagePath::clean(member.link_name));
  auto found = entries_.find(target);
  if (found == entries_.end() || found->second.type == EntryType::kWhiteout) {
    TarMember plain = member;
    plain.type = EntryType::kHardlink;
    Entry entry = entry_of(std::move(path), std::move(plain));
    entry.link_target = target.text();
    return entry;
  }
  if (found->second.is_directory()) {
    fail(member.name, cat("a hard link to the directory ", target.text()));
  }
  if (path.contains(target)) {
    fail(member.name, cat("a hard link in the place of its target ", target.text()));
  }
  Entry entry = found->second;
  entry.path = std::move(path);
  if (entry.type == EntryType::kFile) {
    entry.type = EntryType::kHardlink;
    entry.link_target = target.text();
  }
  return entry;
}

void Assembly::put(Entry entry, base::Source& content) {
  make_room(entry);
  if (entry.type == EntryType::kFile) {
    write_content(entry, content);
  } else if (options_->tree != nullptr) {
    if (entry.type == EntryType::kHardlink && !entry.digest) {
      write_file_of_lower(entry);
    } else {
      options_->tree->create(entry);
    }
  }
  if (entry.is_symlink()) {
    last_parent_ = last_resolved_ = {};
  }
  has_links_ = has_links_ || entry.type == EntryType::kHardlink;
  ImagePath path = entry.path;
  entries_.insert_or_assign(std::move(path), std::move(entry));
}

// What stood at the path before goes, but a directory stays one, and what the path hides of lower
// layers stays hidden.
void Assembly::make_room(Entry& entry) {
  auto found = entries_.lower_bound(entry.path);
  bool is_entry = found != entries_.end() && found->first == entry.path;
  bool is_implied = !is_entry && found != entries_.end() && entry.path.contains(found->first);
  if (is_entry && entry.is_directory()) {
    entry.opaque = found->second.opaque || found->second.type == EntryType::kWhiteout;
    if (found->second.is_directory() || entry.opaque) {
      return;
    }
  }
  if (is_entry || (is_implied && !entry.is_directory())) {
    remove(entry.path);
  }
}

void Assembly::remove(const ImagePath& path) {
  if (has_links_) {
    hand_on_links(path);
  }
  if (options_->tree != nullptr) {
    options_->tree->remove(path);
  }
  auto first = entries_.lower_bound(path);
  auto last = first;
  while (last != entries_.end() && path.contains(last->first)) {
    ++last;
  }
  entries_.erase(first, last);
  last_parent_ = last_resolved_ = {};
}

// Files whose first name is removed live on under the next one.
void Assembly::hand_on_links(const ImagePath& removed) {
  std::map<std::string, std::string> new_names;
  for (auto& [path, entry] : entries_) {
    if (entry.type != EntryType::kHardlink || !entry.digest || removed.contains(path) ||
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

void Assembly::write_content(Entry& entry, base::Source& content) {
  base::Fd file;
  if (options_->tree != nullptr) {
    file = options_->tree->open_file(entry);
  }
  while (std::size_t count = content.read(piece_)) {
    std::string_view bytes(piece_.data(), count);
    hash_.update(bytes);
    if (file) {
      base::write_all(file, bytes, entry.path.text());
    }
  }
  entry.digest = hash_.finish();
  if (file) {
    options_->tree->close_file(entry, std::move(file));
  }
}

// In the tree of one layer a hard link to a lower layer's file is a copy, as overlay would have
// copied it up.
void Assembly::write_file_of_lower(Entry& entry) {
  std::optional<Entry> found;
  if (options_->lower != nullptr) {
    found = options_->lower->find(ImagePath::clean(entry.link_target));
  }
  if (!found && options_->leave_out_lower) {
    return;
  }
  if (!found || !found->is_regular()) {
    fail(entry.path.text(), cat("a hard link to ", entry.link_target,
                                ", which is no file of this layer or of those below"));
  }
  Entry copy = *found;
  copy.path = entry.path;
  base::Fd file = options_->tree->open_file(copy);
  base::FdSink sink(file, copy.path.text());
  base::copy_stream(*options_->lower->open(*found), sink);
  options_->tree->close_file(copy, std::move(file));
}

// What can only be known at the end: whiteouts (a later member may stand in their place) and what
// directories hide or inherit.
void Assembly::finish_tree() {
  for (const auto& [path, entry] : entries_) {
    if (entry.type == EntryType::kWhiteout || entry.opaque) {
      options_->tree->create(entry);
    }
  }
  if (options_->lower != nullptr) {
    for (const ImagePath& path : implied_directories(entries_)) {
      std::optional<Entry> lower = options_->lower->find(path);
      if (lower && lower->is_directory()) {
        options_->tree->create(*lower);
      }
    }
  }
  options_->tree->finish();
}

LayerIndex Assembly::finish() {
  if (options_->tree != nullptr) {
    finish_tree();
  }
  LayerIndexBuilder builder;
  for (const auto& [path, entry] : entries_) {
    builder.add(entry);
  }
  return builder.finish();
}

}  // namespace

LayerIndex read_layer(base::Source& tar, const LayerReadOptions& options, std::stop_token stop) {
  TarReader reader(tar, options.object, options.limits);
  Assembly assembly(options);
  while (std::optional<TarMember> member = reader.next()) {
    base::throw_if_stopped(stop);
    assembly.take(std::move(*member), reader.content());
  }
  return assembly.finish();
}

bool needs_lower(const LayerIndex& index) {
  std::vector<base::ImagePath> open_directories{ImagePath()};
  for (std::size_t i = 0; i < index.size(); ++i) {
    EntryType type = index.type_at(i);
    ImagePath path = ImagePath::clean(index.path_at(i));
    // Whether the parent has an entry: the directories on the way are those that came last.
    ImagePath parent = path.parent();
    while (!open_directories.back().contains(parent)) {
      open_directories.pop_back();
    }
    if (open_directories.back() != parent) {
      return true;
    }
    if (type == EntryType::kDirectory && !path.is_root()) {
      open_directories.push_back(path);
    }
    if (type == EntryType::kHardlink && !index.at(i).digest) {
      return true;
    }
  }
  return false;
}

}  // namespace slipway::builder
