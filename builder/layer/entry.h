#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/fs.h"
#include "base/path.h"
#include "base/time.h"

namespace slipway::builder {

enum class EntryType : std::uint8_t {
  kFile,
  kDirectory,
  kSymlink,
  kHardlink,  // one more name of a file that stands earlier in the same layer or tree
  kCharDevice,
  kBlockDevice,
  kFifo,
  kWhiteout,  // only in layers: the path does not exist, whatever lower layers say
};

// "file", "directory", "symlink", ...
std::string_view entry_type_name(EntryType type);

// One path of a layer, of a context or of a merged tree. A whiteout has a path and a type only.
struct Entry {
  base::ImagePath path;
  EntryType type = EntryType::kFile;
  std::uint32_t mode = 0;  // the bits of 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  base::Timestamp mtime;
  std::uint64_t size = 0;   // of regular files; a hard link has that of its first name
  std::string link_target;  // a symlink's text; a hard link's first name as ImagePath text
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  bool opaque = false;              // a directory that hides what lower layers have in it
  std::vector<base::Xattr> xattrs;  // sorted by name
  // The content of a regular file; always there in an index (a hard link has that of its first
  // name unless that is in a lower layer), otherwise where it is known.
  std::optional<base::Digest> digest;

  bool is_directory() const { return type == EntryType::kDirectory; }
  bool is_symlink() const { return type == EntryType::kSymlink; }
  // A regular file under its first or another name.
  bool is_regular() const { return type == EntryType::kFile || type == EntryType::kHardlink; }

  friend bool operator==(const Entry&, const Entry&) = default;
};

// The directory that stands where a tree has paths below `path` but says nothing of `path` itself:
// 0755, owned by root, time 0.
Entry make_implied_directory(base::ImagePath path);
Entry make_whiteout(base::ImagePath path);

// No longer path can be given to a system call (PATH_MAX with its NUL), so no layer holds one.
inline constexpr std::size_t kPathBytesMax = 4095;

// Does an extended attribute belong to the file, rather than to the machine or mount that it lies
// on? Only such ones are taken into layers or applied from them: not the labels of a machine's
// security modules and not the marks of overlay file systems, nor owners that we have recorded.
bool is_portable_xattr(std::string_view name);
void drop_foreign_xattrs(std::vector<base::Xattr>& xattrs);

// One line for tests and messages: "f 0644 0:0 5 /a/b", "l 0777 0:0 /x -> y", "w /gone".
std::string describe(const Entry& entry);

}  // namespace slipway::builder
