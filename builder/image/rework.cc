#include "builder/image/rework.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

// What turns the files of one view into those of another, as a layer.
class Difference {
 public:
  Difference(const TreeView& before, const TreeView& after, std::stop_token stop)
      : before_(before), after_(after), stop_(std::move(stop)) {}

  LayerEntries find() {
    compare({}, true);
    return std::move(found_);
  }

 private:
  // As deep as the tree, whose paths have a limit. `was_there`: the directory is in both.
  void compare(const ImagePath& directory, bool was_there) {
    base::throw_if_stopped(stop_);
    std::map<std::string, Entry> old =
        was_there ? children(before_, directory) : std::map<std::string, Entry>();
    std::map<std::string, Entry> now = children(after_, directory);
    std::map<std::string, const Entry*> names;
    for (const auto& [name, entry] : old) {
      names[name] = nullptr;
    }
    for (const auto& [name, entry] : now) {
      names[name] = &entry;
    }
    for (const auto& [name, entry] : names) {
      auto found = old.find(name);
      const Entry* earlier = found == old.end() ? nullptr : &found->second;
      if (entry == nullptr) {
        add_parents(directory);
        found_.entries.push_back({make_whiteout(directory.child(name)), nullptr, {}, nullptr});
      } else {
        compare_one(earlier, *entry);
      }
    }
  }

  void compare_one(const Entry* earlier, const Entry& entry) {
    bool both_directories = earlier != nullptr && earlier->is_directory() && entry.is_directory();
    if (earlier == nullptr || !is_same(*earlier, entry)) {
      add(entry);
    }
    if (entry.is_directory()) {
      compare(entry.path, both_directories);
    }
  }

  static std::map<std::string, Entry> children(const TreeView& view, const ImagePath& directory) {
    std::map<std::string, Entry> named;
    for (Entry& entry : view.children(directory)) {
      std::string name(entry.path.base_name());
      named.emplace(std::move(name), std::move(entry));
    }
    return named;
  }

  bool is_same(const Entry& earlier, const Entry& entry) const {
    Entry left = earlier;
    Entry right = entry;
    if (left.type == EntryType::kFile && right.type == EntryType::kFile) {
      if (left.size != right.size) {
        return false;
      }
      left.digest = before_.digest(earlier);
      right.digest = after_.digest(entry);
    }
    return left == right;
  }

  // The directories above a change are repeated, so that the layer can stand alone.
  void add_parents(const ImagePath& directory) {
    if (directory.is_root() || !added_.emplace(directory, true).second) {
      return;
    }
    add_parents(directory.parent());
    found_.entries.push_back({*after_.find(directory), nullptr, {}, nullptr});
  }

  void add(const Entry& entry) {
    add_parents(entry.path.parent());
    if (entry.is_directory()) {
      added_.emplace(entry.path, true);
    }
    LayerEntry planned{.entry = entry, .view = &after_, .view_path = entry.path, .text = nullptr};
    std::uint64_t group = entry.is_regular() ? after_.link_group(entry) : 0;
    if (group != 0) {
      auto [first, is_first] = first_names_.try_emplace(group, entry.path);
      if (!is_first) {
        planned.entry.type = EntryType::kHardlink;
        planned.entry.link_target = first->second.text();
      }
    }
    found_.entries.push_back(std::move(planned));
  }

  const TreeView& before_;
  const TreeView& after_;
  std::stop_token stop_;
  LayerEntries found_;
  std::map<ImagePath, bool> added_;
  std::map<std::uint64_t, ImagePath> first_names_;
};

void take_layers(AssembledImage& image, std::vector<cache::DiffId> layers) {
  image.layers = std::move(layers);
  image.config.diff_ids = image.layers;
  image.config_bytes = registry::serialise(image.config);
  image.id = base::sha256_of(image.config_bytes);
}

bool is_later(const Entry& entry, std::int64_t epoch) {
  return entry.type != EntryType::kWhiteout && entry.mtime > base::Timestamp{epoch, 0};
}

cache::DiffId with_earlier_times(const cache::DiffId& diff_id, std::int64_t epoch,
                                 cache::Store& store, LayerStore& layers,
                                 const std::stop_token& stop) {
  std::vector<Entry> entries = layers.index(diff_id, stop).entries();
  if (std::none_of(entries.begin(), entries.end(),
                   [&](const Entry& entry) { return is_later(entry, epoch); })) {
    return diff_id;
  }
  std::shared_ptr<const TreeView> view = layers.view(std::span(&diff_id, 1), stop);
  LayerEntries changed;
  for (Entry& entry : entries) {
    if (is_later(entry, epoch)) {
      entry.mtime = {epoch, 0};
    }
    ImagePath path = entry.path;
    changed.entries.push_back({std::move(entry), view.get(), std::move(path), nullptr});
  }
  // A layer of its own, though a stored one has the same content: only the times are another.
  base::TempDir scratch = store.scratch_directory("times-");
  std::string tar = scratch.path() + "/layer.tar";
  base::Fd file = base::open_file(tar, O_RDWR | O_CREAT | O_EXCL, 0600);
  base::FdSink sink(file, tar);
  WrittenLayer written = write_layer(changed, {.tar = &sink, .tree = nullptr}, stop);
  ReceivedBlob received;
  received.diff_id = written.diff_id;
  layers.put_blob(std::make_unique<base::FdSource>(base::open_file(tar, O_RDONLY), tar), received,
                  stop);
  return written.diff_id;
}

}  // namespace

AssembledImage squash(const AssembledImage& image, LayerStore& layers, std::stop_token stop) {
  std::span<const cache::DiffId> all(image.layers);
  std::span<const cache::DiffId> base = all.first(image.base_layers);
  if (all.size() - base.size() < 2) {
    return image;
  }
  std::shared_ptr<const TreeView> before = layers.view(base, stop);
  std::shared_ptr<const TreeView> after = layers.view(all, stop);
  LayerEntries difference = Difference(*before, *after, stop).find();
  LayerRecord merged = layers.put_entries(difference, {}, stop);
  AssembledImage squashed = image;
  std::vector<registry::History>& history = squashed.config.history;
  for (std::size_t i = image.base_history; i < history.size(); ++i) {
    history[i].empty_layer = true;
  }
  registry::History merge;
  merge.created = history.empty() ? std::nullopt : history.back().created;
  merge.comment = cat("merge of ", all.size() - base.size(), " layers");
  history.push_back(std::move(merge));
  std::vector<cache::DiffId> kept(base.begin(), base.end());
  kept.push_back(merged.diff_id);
  take_layers(squashed, std::move(kept));
  return squashed;
}

AssembledImage rewrite_times(const AssembledImage& image, cache::Store& store, LayerStore& layers,
                             std::stop_token stop) {
  if (!image.source_date_epoch) {
    return image;
  }
  AssembledImage rewritten = image;
  std::vector<cache::DiffId> changed = image.layers;
  for (std::size_t i = image.base_layers; i < changed.size(); ++i) {
    changed[i] = with_earlier_times(changed[i], *image.source_date_epoch, store, layers, stop);
  }
  take_layers(rewritten, std::move(changed));
  return rewritten;
}

}  // namespace slipway::builder
