#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// How a tree on disk says what a layer says about lower layers.
enum class OverlayMarks {
  kNone,     // no such marks: whiteouts and opaque directories are kInternal
  kTrusted,  // whiteout: char device 0/0; opaque: trusted.overlay.opaque=y (real root)
  kUser,     // the same with user.overlay.opaque=y (in a user namespace; mount with `userxattr`)
};

// kUser in a user namespace other than the machine's first, else kTrusted.
OverlayMarks overlay_marks_of_process();
// The xattr that makes a directory opaque. Precondition: not kNone (asserted).
std::string_view opaque_xattr(OverlayMarks marks);

// Creates entries below a directory that nobody else writes to. Everything is created by
// descriptor, beneath the root, without following links and without replacing anything: what can't
// be created like that is an error, so that a hostile entry reaches nothing outside. Hard links
// come after their first names; missing parents are made (0755, root's, time 0) and may come later.
// Attributes of directories are set by finish(). One thread.
class TreeWriter {
 public:
  // Are owners, device nodes and privileged attributes made as the entries have them?
  enum class Owners {
    kApply,
    kRecord,  // owners of files and directories in an attribute (base/recorded_owner.h)
    kLeave,   // everything belongs to this process's user
  };
  struct Options {
    OverlayMarks marks = OverlayMarks::kNone;
    Owners owners = Owners::kApply;
  };
  // `root` is owned by the caller and was opened for reading (no O_PATH).
  TreeWriter(const base::Fd& root, Options options);

  // Anything but kFile. The root itself is a directory that is there already.
  void create(const Entry& entry);

  // A kFile, empty and open for writing; the caller writes the content, then calls close_file,
  // which sets the attributes.
  base::Fd open_file(const Entry& entry);
  void close_file(const Entry& entry, base::Fd file);

  // Removes what was created at the path and below it.
  void remove(const base::ImagePath& path);

  // Attributes and times of directories, deepest first.
  void finish();

  // Attributes that could not be set although the entry has them, "path: name", at most 20: the
  // file system has none, or the process lacks the right for security.* and trusted.*.
  const std::vector<std::string>& dropped_xattrs() const { return dropped_xattrs_; }

 private:
  const base::Fd& parent_of(const base::ImagePath& path);
  void create_directory(const Entry& entry, const base::Fd& parent, const std::string& name);
  void create_hardlink(const Entry& entry, const base::Fd& parent, const std::string& name);
  void create_device(const Entry& entry, const base::Fd& parent, const std::string& name);
  void apply_attributes(const Entry& entry, const base::Fd& parent, const std::string& name);
  void apply_xattr(const Entry& entry, const base::Xattr& xattr, const base::Fd& file);
  void apply_owner(const Entry& entry, const base::Fd& file) const;
  void apply_owner_and_mode(const Entry& entry, const base::Fd& file);
  void finish_directory(const Entry& entry);
  bool must_own(const Entry& entry) const;

  const base::Fd* root_;  // owned by the caller
  Options options_;
  uid_t own_uid_;
  gid_t own_gid_;
  // The directory that was used last.
  base::ImagePath parent_path_;
  base::Fd parent_;
  std::map<base::ImagePath, Entry> directories_;  // what finish() has to set
  std::vector<std::string> dropped_xattrs_;
};

}  // namespace slipway::builder
