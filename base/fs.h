#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace slipway::base {

// How a path beneath a root may use symbolic links.
enum class Links {
  kRefuse,  // any link on the way is an error (ELOOP)
  kInRoot,  // links are followed, but "/" and ".." in them mean the root: what chroot would give
};

// Opens `relative` ("" or "." is the root itself) beneath `root`: whatever the tree contains,
// nothing outside of it is reached. Uses openat2(2); where the kernel has none (ENOSYS) or a filter
// forbids it (EPERM), a walk that opens one part at a time. O_CLOEXEC is added. With O_PATH |
// O_NOFOLLOW the last part may be a link, which is then opened itself.
Fd open_beneath(const Fd& root, std::string_view relative, int flags, mode_t mode = 0,
                Links links = Links::kRefuse);
// The walk alone; for tests and for kernels without openat2.
Fd open_beneath_by_walk(const Fd& root, std::string_view relative, int flags, mode_t mode = 0,
                        Links links = Links::kRefuse);

// The same, or nothing if the path does not exist (ENOENT, ENOTDIR).
std::optional<Fd> find_beneath(const Fd& root, std::string_view relative, int flags,
                               Links links = Links::kRefuse);

// Makes the directory and its missing parents beneath the root (existing ones stay as they are;
// links on the way are refused) and opens it.
Fd ensure_directory(const Fd& root, std::string_view relative, mode_t mode = 0755);
// The same for a host path, for the program's own folders.
Fd ensure_directory(const std::string& path, mode_t mode = 0755);

struct DirectoryEntry {
  std::string name;
  unsigned char type = 0;  // DT_*; DT_UNKNOWN where the file system does not say
  std::uint64_t inode = 0;
};
// Every entry but "." and "..", sorted bytewise by name; none if the directory was removed
// meanwhile. Reads through a descriptor of its own.
std::vector<DirectoryEntry> list_directory(const Fd& directory);

// fstatat(2) without following a link; nothing on ENOENT or ENOTDIR. An empty name is the
// descriptor itself.
std::optional<struct stat> find_status(const Fd& directory, const std::string& name);
struct stat get_status(const Fd& directory, const std::string& name);

// Removes whatever `name` is, with everything below it. Never follows a link, also when somebody
// swaps parts while it runs. Directories without write permission are made writable first. Absent
// is fine.
void remove_tree(const Fd& directory, const std::string& name);
void remove_tree(const std::string& path);

// Moves `from` to `to`; false if `to` exists (nothing changed).
bool rename_without_replacing(const Fd& from_directory, const std::string& from,
                              const Fd& to_directory, const std::string& to);

// Replaces `name` in one step: temporary beside it, fsync, rename, fsync of the directory. Readers
// see old or new.
void write_file_atomically(const Fd& directory, const std::string& name, std::string_view content,
                           mode_t mode = 0644);
// The whole file; nothing if it does not exist; kInput if longer than the limit.
std::optional<std::string> find_file_content(const std::string& path, std::size_t limit_bytes);

// One syncfs(2) on the file system that holds the descriptor.
void sync_filesystem(const Fd& fd);

using Xattr = std::pair<std::string, std::string>;
// Sorted by name; empty where the file system has none (ENOTSUP). `fd` may be O_PATH (read through
// /proc/self/fd).
std::vector<Xattr> list_xattrs(const Fd& fd, std::string_view object);
// The same of any type of file, without following or opening it: reaches it by its name in
// /proc/self/fd/<directory>/.
std::vector<Xattr> list_xattrs_at(const Fd& directory, const std::string& file);
// Nothing if the attribute is absent or not supported.
std::optional<std::string> find_xattr(const Fd& fd, const std::string& name);
void set_xattr(const Fd& fd, const std::string& name, std::string_view value,
               std::string_view object);
// For any type of file, without following: reaches it by its name in /proc/self/fd/<directory>/.
void set_xattr_at(const Fd& directory, const std::string& file, const std::string& name,
                  std::string_view value);

// A fresh directory that is removed with all below it by the destructor unless kept.
class TempDir {
 public:
  // `<parent>/<prefix><random>`, mode 0700.
  TempDir(const std::string& parent, std::string_view prefix);
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }
  // The caller has taken over (renamed it, say).
  std::string keep() { return std::exchange(path_, {}); }

 private:
  std::string path_;
};

// flock(2) on a file that is made if missing; freed by the destructor or the process's end, however
// it comes.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };
  // Waits.
  static FileLock acquire(const std::string& path, Mode mode);
  // Nothing if somebody else holds it in a way that excludes ours.
  static std::optional<FileLock> try_acquire(const std::string& path, Mode mode);
  const Fd& fd() const { return fd_; }

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// `count` random bytes in lower-case hexadecimal (so 2*count characters), from getrandom(2).
std::string random_hex(std::size_t count);

}  // namespace slipway::base
