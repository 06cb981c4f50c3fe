// Reading, making and removing directories by descriptor.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/fs.h"
#include "base/path.h"
#include "base/text.h"

namespace slipway::base {

namespace {

// One getdents64(2) call fills this; 64 KiB hold some 2,000 names.
constexpr std::size_t kEntriesBufferBytes = 64 * 1024;

struct KernelEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
};
constexpr std::size_t kNameOffset = 19;

void append_entries(std::vector<DirectoryEntry>& out, const char* bytes, std::size_t size) {
  std::size_t place = 0;
  while (place < size) {
    KernelEntry entry{};
    std::memcpy(&entry, bytes + place, kNameOffset);
    std::string_view name(bytes + place + kNameOffset);
    if (name != "." && name != "..") {
      out.push_back({std::string(name), entry.type, entry.inode});
    }
    place += entry.length;
  }
}

Fd make_and_open(const Fd& parent, const std::string& name, mode_t mode) {
  if (::mkdirat(parent.get(), name.c_str(), mode) != 0 && errno != EEXIST) {
    throw system_error(errno, "mkdir", name);
  }
  return open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// A directory on the way down: the names in it that were not looked at yet. A list on the heap and
// one open descriptor, neither recursion nor a descriptor a level, so that a tree of any depth is
// removed.
struct RemovalLevel {
  std::string name;
  dev_t device;
  ino_t inode;
  std::vector<DirectoryEntry> entries;
};

// EACCES and EPERM on a directory of ours mean missing mode bits: add them once.
Fd open_for_removal(const Fd& parent, const std::string& name) {
  int number =
      ::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0 && errno == EACCES) {
    ::fchmodat(parent.get(), name.c_str(), 0700, 0);
    number = ::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (number < 0) {
    throw system_error(errno, "open", name);
  }
  return Fd(number);
}

bool unlink_non_directory(const Fd& parent, const std::string& name) {
  if (::unlinkat(parent.get(), name.c_str(), 0) == 0 || errno == ENOENT) {
    return true;
  }
  if (errno == EACCES && ::fchmod(parent.get(), 0700) == 0 &&
      ::unlinkat(parent.get(), name.c_str(), 0) == 0) {
    return true;
  }
  if (errno == EISDIR || errno == EPERM) {
    return false;
  }
  throw system_error(errno, "unlink", name);
}

// Removes one tree: `here_` is the directory of the last level, the place where we work.
class Removal {
 public:
  Removal(const Fd& parent, const std::string& name) : parent_(&parent) { enter(parent, name); }

  void run() {
    while (!levels_.empty()) {
      if (levels_.back().entries.empty()) {
        leave();
        continue;
      }
      DirectoryEntry entry = std::move(levels_.back().entries.back());
      levels_.back().entries.pop_back();
      if (entry.type == DT_DIR || !unlink_non_directory(here_, entry.name)) {
        enter(here_, entry.name);
      }
    }
  }

 private:
  void enter(const Fd& parent, const std::string& name) {
    Fd directory = open_for_removal(parent, name);
    struct stat status = get_status(directory, "");
    levels_.push_back({name, status.st_dev, status.st_ino, list_directory(directory)});
    here_ = std::move(directory);
  }

  void leave() {
    std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    if (levels_.empty()) {
      here_.reset();
      check([&] { return ::unlinkat(parent_->get(), name.c_str(), AT_REMOVEDIR); }, "rmdir", name);
      return;
    }
    Fd up = open_at(here_, "..", O_RDONLY | O_DIRECTORY);
    struct stat status = get_status(up, "");
    // Somebody moved the directory while we were in it: ".." is not where we came from.
    if (status.st_dev != levels_.back().device || status.st_ino != levels_.back().inode) {
      fail(ErrorKind::kSystem, cat("removing ", name, ": its directory was moved meanwhile"));
    }
    here_ = std::move(up);
    check([&] { return ::unlinkat(here_.get(), name.c_str(), AT_REMOVEDIR); }, "rmdir", name);
  }

  const Fd* parent_;  // owned by the caller
  Fd here_;
  std::vector<RemovalLevel> levels_;
};

}  // namespace

std::vector<DirectoryEntry> list_directory(const Fd& directory) {
  Fd fresh = open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  auto buffer = std::make_unique<char[]>(kEntriesBufferBytes);
  std::vector<DirectoryEntry> entries;
  while (true) {
    long size = ::syscall(SYS_getdents64, fresh.get(), buffer.get(), kEntriesBufferBytes);
    // ENOENT: the directory itself was removed while it was open.
    if (size == 0 || (size < 0 && errno == ENOENT)) {
      break;
    }
    if (size < 0) {
      throw system_error(errno, "getdents64", {});
    }
    append_entries(entries, buffer.get(), static_cast<std::size_t>(size));
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& left, const DirectoryEntry& right) {
              return left.name < right.name;
            });
  return entries;
}

Fd ensure_directory(const Fd& root, std::string_view relative, mode_t mode) {
  Fd directory = root.duplicate();
  for (std::string_view part : split(relative, '/')) {
    if (part.empty() || part == ".") {
      continue;
    }
    if (!is_path_part(part)) {
      fail(ErrorKind::kInput,
           cat("can't make directory ", quote(relative), ": it leaves its root"));
    }
    directory = make_and_open(directory, std::string(part), mode);
  }
  return directory;
}

Fd ensure_directory(const std::string& path, mode_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (::mkdir(path.substr(0, slash).c_str(), mode) != 0 && errno != EEXIST && errno != EROFS &&
        errno != EACCES) {
      throw system_error(errno, "mkdir", path.substr(0, slash));
    }
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    throw system_error(errno, "mkdir", path);
  }
  return open_directory(path);
}

void remove_tree(const Fd& directory, const std::string& name) {
  std::optional<struct stat> status = find_status(directory, name);
  if (!status) {
    return;
  }
  if (!S_ISDIR(status->st_mode)) {
    check([&] { return ::unlinkat(directory.get(), name.c_str(), 0); }, "unlink", name);
    return;
  }
  Removal(directory, name).run();
}

void remove_tree(const std::string& path) {
  remove_tree(Fd(AT_FDCWD), path);
}

}  // namespace slipway::base
