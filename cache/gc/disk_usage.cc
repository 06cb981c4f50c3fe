#include "cache/gc/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/stream.h"

namespace slipway::cache {

namespace {

// stat(2) counts in these, whatever the file system's blocks are.
constexpr std::uint64_t kStatBlockBytes = 512;

std::uint64_t bytes_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes;
}

// A directory on the way down: who it is, and the directories in it that are still to be seen.
struct Level {
  dev_t device;
  ino_t inode;
  std::vector<std::string> directories;
};

class Walk {
 public:
  explicit Walk(std::stop_token stop) : stop_(std::move(stop)) {}

  std::uint64_t measure(const base::Fd& directory, const std::string& name) {
    count(directory, name);
    enter(directory, name);
    while (!levels_.empty()) {
      base::throw_if_stopped(stop_);
      std::vector<std::string>& waiting = levels_.back().directories;
      if (waiting.empty()) {
        leave();
        continue;
      }
      std::string next = std::move(waiting.back());
      waiting.pop_back();
      enter(here_, next);
    }
    return bytes_;
  }

 private:
  bool count(const base::Fd& directory, const std::string& name) {
    std::optional<struct stat> status = base::find_status(directory, name);
    if (!status) {
      return false;
    }
    if (S_ISDIR(status->st_mode)) {
      bytes_ += bytes_of(*status);
      return true;
    }
    // A file of many names takes its room once.
    if (status->st_nlink < 2 || linked_.emplace(status->st_dev, status->st_ino).second) {
      bytes_ += bytes_of(*status);
    }
    return false;
  }

  // Not a directory (any more), gone, or closed to us: nothing to see.
  void enter(const base::Fd& parent, const std::string& name) {
    base::Fd opened(
        ::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) {
      return;
    }
    struct stat status = base::get_status(opened, "");
    Level level{status.st_dev, status.st_ino, {}};
    for (const base::DirectoryEntry& entry : base::list_directory(opened)) {
      if (count(opened, entry.name)) {
        level.directories.push_back(entry.name);
      }
    }
    levels_.push_back(std::move(level));
    here_ = std::move(opened);
  }

  void leave() {
    levels_.pop_back();
    if (levels_.empty()) {
      return;
    }
    base::Fd up(::openat(here_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::optional<struct stat> status;
    if (up) {
      status = base::find_status(up, "");
    }
    if (!status || status->st_dev != levels_.back().device ||
        status->st_ino != levels_.back().inode) {
      // Somebody moved the directory while we were in it: the way back is lost.
      levels_.clear();
      return;
    }
    here_ = std::move(up);
  }

  std::stop_token stop_;
  std::uint64_t bytes_ = 0;
  std::set<std::pair<dev_t, ino_t>> linked_;
  base::Fd here_;  // the directory of the last level
  std::vector<Level> levels_;
};

}  // namespace

std::uint64_t disk_usage(const base::Fd& directory, const std::string& name, std::stop_token stop) {
  return Walk(std::move(stop)).measure(directory, name);
}

}  // namespace slipway::cache
