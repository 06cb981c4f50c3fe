#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/path.h"

// Layers without an overlay: their trees are copied into one plain directory, a command changes
// that directory, and what it changed is written into an upper directory, in the form in which an
// overlay would have left it there.
//
//   trees, bottom first ──add_tree──▶ root ──record_of──▶ TreeRecord (inodes and their ctime)
//                                      │ a command runs in it
//                                      ▼
//                          write_changes(root, record) ──▶ upper: files, whiteouts, opaque marks
//
// Which files have changed is told by inode and ctime, which nobody can set: also a file whose
// mtime was put back is found. The time stamps of a kernel advance in ticks, so a command may start
// only when a change would get a newer one (wait_for_newer_stamps).

namespace slipway::builder {

// What a directory entry is as long as nobody touches it.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  // 0 where the file system does not know
  std::int64_t changed_ns = 0;
  bool is_directory = false;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
  // A directory is still the same one, whatever is in it.
  bool is_same_file(const FileIdentity& other) const {
    return inode == other.inode && born_ns == other.born_ns && is_directory == other.is_directory;
  }
};

struct TreeRecord {
  // By the path of their directory; sorted by name.
  using Names = std::vector<std::pair<std::string, FileIdentity>>;
  std::unordered_map<std::string, Names> directories;
  std::int64_t newest_ns = 0;
};

// Applies a tree in overlay form (whiteouts are devices 0:0, opaque directories have
// user.overlay.opaque or trusted.overlay.opaque) to what is in `root`. Device nodes are left out,
// because a plain directory can't keep them from being used; true if there was one.
bool add_tree(const base::Fd& tree, const base::Fd& root);

TreeRecord record_of(const base::Fd& root);

struct TreeChanges {
  TreeRecord after;
  // The root is now what the layers with `upper` on top say. Otherwise it has to be made anew.
  bool is_exact = true;
};

// Writes what is different in `root` since `before` into `upper`, on top of what that has. `trees`
// is what the root was made of, bottom first: a file with several names whose ctime has changed
// because another name came or went is compared with what it was. Removes sockets from the root,
// which no layer can hold. kInput for a path too long for any layer.
//
// DIFFERS from an overlay: a command that changes a file under one of its names changes it under
// all, as on any other file system. Where it gives such a file one more name, which of the old ones
// it took is not known; the first is taken.
TreeChanges write_changes(const base::Fd& root, const TreeRecord& before, const base::Fd& upper,
                          std::span<const base::Fd> trees);

// Returns when a file that is changed now gets a ctime after `newest_ns`. Writes to a file in
// `folder`, which is on the same file system.
void wait_for_newer_stamps(const base::Fd& folder, std::int64_t newest_ns);

}  // namespace slipway::builder
