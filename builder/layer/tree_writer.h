#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "base/stream.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// How a tree on disk says what a layer says about lower layers.
enum class OverlayMarks {
  kNone,     // no such marks: whiteouts are kInternal (contexts, exported file systems)
  kTrusted,  // whiteout: char device 0/0; opaque: trusted.overlay.opaque=y (real root)
  kUser,     // the same with user.overlay.opaque=y (inside a user namespace; needs `userxattr`)
};

// kTrusted for real root, kUser in a user namespace.
OverlayMarks overlay_marks_of_process();

// Creates the entries of one layer below a directory that nobody else writes to. Everything is
// created by descriptor, beneath the root, without following links and without replacing anything:
// what can't be created like that is an error, so a hostile entry can reach nothing outside. The
// caller gives each path once, parents before children, a hard link after its first name. Times of
// directories are set by finish(). One thread.
class TreeWriter {
 public:
  // Are owners, devices and privileged attributes applied as the entries have them?
  enum class Owners { kApply, kLeave };  // kLeave: everything belongs to the caller's user
  struct Options {
    OverlayMarks marks = OverlayMarks::kNone;
    Owners owners = Owners::kApply;
  };
  TreeWriter(const base::Fd& root, Options options);
  ~TreeWriter();
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  // Anything but kFile. Missing parents are made, 0755 and root's.
  void create(const Entry& entry);

  // A kFile, empty and open for writing. The caller writes the content, then calls close_file.
  base::Fd open_file(const Entry& entry);
  void close_file(const Entry& entry, base::Fd file);

  // Sets what children of a directory would have changed: attributes and times, deepest first.
  void finish();

  // Attributes that the file system or the kernel refused although the entry has them (only
  // security.* and trusted.* in a process without the right, or a file system without any), as
  // "path: name"; at most 20.
  const std::vector<std::string>& dropped_xattrs() const { return dropped_xattrs_; }

 private:
  const base::Fd& parent_of(const base::ImagePath& path);
  void create_directory(const Entry& entry, const base::Fd& parent, const std::string& name);
  void create_device(const Entry& entry, const base::Fd& parent, const std::string& name);
  void apply_metadata(const Entry& entry, const base::Fd& parent, const std::string& name);
  void apply_xattrs(const Entry& entry, const base::Fd& parent, const std::string& name);
  void finish_directory(const Entry& entry);

  const base::Fd* root_;  // owned by the caller
  Options options_;
  struct OpenDirectory {
    std::string path;
    base::Fd fd;
  };
  std::vector<OpenDirectory> open_;  // from the root down to the directory last used
  std::vector<Entry> directories_;
  std::vector<std::string> dropped_xattrs_;
};

}  // namespace slipway::builder
