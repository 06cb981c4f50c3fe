// Where COPY and ADD put what was selected (language reference, section 9, from "Destination" on,
// and ADD's local archives in section 8).
#include "builder/layer/copy_plan.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "builder/layer/layer_draft.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;

constexpr std::uint32_t kHeredocMode = 0644;

bool means_directory(std::string_view destination) {
  return destination.empty() || destination == "." || destination.ends_with('/') ||
         destination.ends_with("/.");
}

class Planner {
 public:
  Planner(const CopyRequest& request, const TreeView* destination)
      : request_(request), draft_(request.link ? nullptr : destination) {}

  LayerEntries run(CopySelection selection) {
    for (SelectedItem& item : selection.items) {
      place(item);
    }
    LayerEntries layer = draft_.take();
    layer.views = std::move(archives_);
    return layer;
  }

 private:
  void place(SelectedItem& item);
  ResolvedPath prepare_destination();
  void place_file(const SelectedItem& item, const LayerEntry& file);
  void place_directory(SelectedItem& item);
  bool place_archive(const SelectedItem& item);
  void place_member(const TreeView& archive, const ImagePath& directory, const Entry& member);
  LayerEntry entry_of(const TreeView& view, Entry source, ImagePath path) const;
  LayerEntry heredoc(const CopyFrom& from) const;
  void apply_options(Entry& entry) const;
  LayerDraft::NewDirectory new_directory() const;
  void link_to_first(std::uint64_t group, Entry& entry);

  const CopyRequest& request_;
  LayerDraft draft_;
  // First names at the destination of files that have several, in the item that is being placed.
  std::map<std::uint64_t, ImagePath> first_names_;
  std::vector<std::shared_ptr<const TreeView>> archives_;
};

LayerDraft::NewDirectory Planner::new_directory() const {
  LayerDraft::NewDirectory attributes{.mode = 0755, .owner = {}, .mtime = request_.now};
  if (request_.chmod && request_.chmod->is_octal()) {
    attributes.mode = request_.chmod->octal_mode();
  }
  attributes.owner = request_.owner.value_or(Owner{});
  return attributes;
}

void Planner::apply_options(Entry& entry) const {
  if (request_.owner) {
    entry.uid = request_.owner->uid;
    entry.gid = request_.owner->gid;
  }
  if (request_.chmod && !entry.is_symlink()) {
    auto kind =
        entry.is_directory() ? parser::ChmodValue::Kind::kFolder : parser::ChmodValue::Kind::kFile;
    entry.mode = request_.chmod->apply(entry.mode, kind);
  }
}

LayerEntry Planner::entry_of(const TreeView& view, Entry source, ImagePath path) const {
  LayerEntry planned{.entry = std::move(source), .view = &view, .view_path = {}, .text = nullptr};
  planned.view_path = std::exchange(planned.entry.path, std::move(path));
  planned.entry.opaque = false;
  return planned;
}

LayerEntry Planner::heredoc(const CopyFrom& from) const {
  LayerEntry planned;
  planned.text = std::make_shared<const std::string>(from.text);
  planned.entry.mode = kHeredocMode;
  planned.entry.size = from.text.size();
  planned.entry.mtime = request_.now;
  return planned;
}

void Planner::place(SelectedItem& item) {
  first_names_.clear();
  const CopyFrom& from = request_.sources[item.source];
  if (!item.top) {
    return place_file(item, heredoc(from));
  }
  if (item.top->is_directory()) {
    return place_directory(item);
  }
  if (item.top->is_regular() && request_.open_archive && place_archive(item)) {
    return;
  }
  place_file(item, entry_of(*from.view, *item.top, {}));
}

// The destination with its links followed, after the directories that it needs were made.
ResolvedPath Planner::prepare_destination() {
  ImagePath path = request_.working_directory.join(request_.destination);
  ImagePath needed = means_directory(request_.destination) ? path : path.parent();
  draft_.make_directories(draft_.resolve(needed).path, new_directory());
  return draft_.resolve(path);
}

void Planner::place_file(const SelectedItem& item, const LayerEntry& file) {
  ResolvedPath destination = prepare_destination();
  ImagePath path = destination.path;
  if (destination.entry && destination.entry->is_directory()) {
    path = path.child(item.written.base_name());
  } else if (path.is_root()) {
    base::fail(ErrorKind::kInput, "cannot replace to directory / with file");
  }
  // A dangling link may lead to where no directory is.
  draft_.make_directories(path.parent(), new_directory());
  LayerEntry planned = file;
  planned.entry.path = std::move(path);
  apply_options(planned.entry);
  draft_.put(std::move(planned));
}

// The content goes into the destination; of the directory itself only the time.
void Planner::place_directory(SelectedItem& item) {
  const TreeView& view = *request_.sources[item.source].view;
  ImagePath destination = prepare_destination().path;
  draft_.make_directories(destination, new_directory());
  std::deque<Entry> below = item.below.take_entries();
  draft_.reserve(below.size());
  for (; !below.empty(); below.pop_front()) {
    Entry& source = below.front();
    std::uint64_t group = source.is_regular() ? view.link_group(source) : 0;
    ImagePath path = source.path.rebase(item.top->path, destination);
    LayerEntry planned = entry_of(view, std::move(source), std::move(path));
    apply_options(planned.entry);
    if (planned.entry.is_directory()) {
      draft_.put_directory(std::move(planned));
    } else {
      link_to_first(group, planned.entry);
      draft_.put(std::move(planned));
    }
  }
  draft_.set_time(destination, item.top->mtime);
}

void Planner::link_to_first(std::uint64_t group, Entry& entry) {
  if (group == 0) {
    return;
  }
  auto [first, is_first] = first_names_.try_emplace(group, entry.path);
  if (!is_first) {
    entry.type = EntryType::kHardlink;
    entry.link_target = first->second.text();
  }
}

// False if the file is no archive.
bool Planner::place_archive(const SelectedItem& item) {
  std::shared_ptr<const TreeView> archive =
      request_.open_archive(*request_.sources[item.source].view, *item.top);
  if (archive == nullptr) {
    return false;
  }
  archives_.push_back(archive);
  LayerDraft::NewDirectory attributes = new_directory();
  attributes.mode = 0755;  // --chmod is not for archives
  ImagePath path = request_.working_directory.join(request_.destination);
  ImagePath directory = draft_.resolve(path).path;
  draft_.make_directories(directory, attributes);
  walk(*archive, {}, [&](const Entry& member) {
    if (!member.path.is_root()) {
      place_member(*archive, directory, member);
    }
    return Visit::kContinue;
  });
  return true;
}

// Links that the image has on the way are followed with the destination directory as the root.
void Planner::place_member(const TreeView& archive, const ImagePath& directory,
                           const Entry& member) {
  auto find = [&](const ImagePath& path) {
    return draft_.find(path.rebase(ImagePath(), directory));
  };
  ImagePath parent = resolve_with(find, member.path.parent(), LastLink::kFollow).path;
  ImagePath target = parent.rebase(ImagePath(), directory);
  LayerDraft::NewDirectory attributes{.mode = 0755, .owner = {}, .mtime = request_.now};
  attributes.owner = request_.owner.value_or(Owner{});
  draft_.make_directories(target, attributes);
  target = target.child(member.path.base_name());
  // A directory that the archive only implies leaves what is there as it is, also a link to one.
  if (member == make_implied_directory(member.path)) {
    if (!draft_.find(target)) {
      LayerEntry planned = entry_of(archive, member, target);
      planned.entry.uid = attributes.owner.uid;
      planned.entry.gid = attributes.owner.gid;
      planned.entry.mtime = request_.now;
      draft_.put_replacing(std::move(planned));
    }
    return;
  }
  LayerEntry planned = entry_of(archive, member, target);
  if (request_.owner) {
    planned.entry.uid = request_.owner->uid;
    planned.entry.gid = request_.owner->gid;
  }
  if (member.is_regular()) {
    link_to_first(archive.link_group(member), planned.entry);
  }
  draft_.put_replacing(std::move(planned));
}

}  // namespace

LayerEntries plan_copy(const CopyRequest& request, CopySelection selection,
                       const TreeView* destination) {
  return Planner(request, destination).run(std::move(selection));
}

LayerEntries plan_directory(const ImagePath& path, Owner owner, base::Timestamp now,
                            const TreeView* destination) {
  LayerDraft draft(destination);
  ResolvedPath resolved = draft.resolve(path);
  if (resolved.entry && !resolved.entry->is_directory()) {
    base::fail(ErrorKind::kInput, cat("mkdir ", path.text(), ": not a directory"));
  }
  draft.make_directories(resolved.path, {.mode = 0755, .owner = owner, .mtime = now});
  return draft.take();
}

}  // namespace slipway::builder
