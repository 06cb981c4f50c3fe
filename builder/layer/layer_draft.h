#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/path.h"
#include "base/time.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/owners.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

// A layer that is being planned on top of an image (or of nothing): what was put into it so far,
// seen together with what is below. Entries are put in any order; parents that the image has are
// repeated in the layer as they are.
class LayerDraft {
 public:
  // `lower` is null for an empty root; owned by the caller.
  explicit LayerDraft(const TreeView* lower) : lower_(lower) {}

  // So many entries are about to be put.
  void reserve(std::size_t entries);

  // As TreeView::find.
  std::optional<Entry> find(const base::ImagePath& path) const;
  // With the links of draft and image followed inside the root.
  ResolvedPath resolve(const base::ImagePath& path) const;

  // Attributes of directories that have to be made.
  struct NewDirectory {
    std::uint32_t mode = 0755;
    Owner owner;
    base::Timestamp mtime;
  };
  // Makes the directory and its missing parents; no part of the path is a link. kInput «cannot copy
  // to non-directory: <p>» if a part is something else.
  void make_directories(const base::ImagePath& path, const NewDirectory& attributes);

  // A file or whatever is no directory; takes the place of another such. kInput «cannot replace to
  // directory <p> with file» if a directory is there. The parent is a directory.
  void put(LayerEntry entry);
  // A directory, or new attributes for one that is there. kInput «cannot copy to non-directory:
  // <p>» if something else is there.
  void put_directory(LayerEntry entry);
  // Whatever is there goes, with all below it, unless both are directories.
  void put_replacing(LayerEntry entry);

  // Gives a directory that is part of the layer another time; others stay as they are.
  void set_time(const base::ImagePath& directory, base::Timestamp mtime);

  LayerEntries take();

 private:
  const LayerEntry* locate(const base::ImagePath& path) const;
  LayerEntry* locate(const base::ImagePath& path);
  bool is_beyond_all(const base::ImagePath& path) const;
  void disperse();
  void remove(const base::ImagePath& path);
  bool shows_lower(const base::ImagePath& directory) const;
  void repeat(const base::ImagePath& directory);
  void insert(LayerEntry entry);
  void hand_on_links(const base::ImagePath& removed);

  const TreeView* lower_;
  // What was put in path order, as nearly everything is: in few bytes, for there may be very many.
  std::vector<LayerEntry> ordered_;
  // What came late; no path is in both.
  std::map<base::ImagePath, LayerEntry> others_;
  // Of first names, those of the hard links to them that were put, also of ones that are none any
  // more.
  std::map<base::ImagePath, std::vector<base::ImagePath>> links_;
  // The directory of the draft that something was put into last.
  std::optional<base::ImagePath> last_parent_;
  // Whether the directory that was asked for last has content of the image.
  mutable std::optional<std::pair<base::ImagePath, bool>> last_shown_;
};

}  // namespace slipway::builder
