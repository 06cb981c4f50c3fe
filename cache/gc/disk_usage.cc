#include "cache/gc/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <vector>

#include "base/fs.h"
#include "base/stream.h"
#include "base/text.h"

namespace slipway::cache {

namespace {

// stat(2) counts in these, whatever the file system's blocks are.
constexpr std::uint64_t kStatBlockBytes = 512;

std::uint64_t bytes_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes;
}

}  // namespace

std::uint64_t disk_usage(const base::Fd& directory, const std::string& name, std::stop_token stop) {
  std::uint64_t bytes = 0;
  // Paths instead of recursion: somebody else chose how deep the tree is.
  std::vector<std::string> waiting = {name};
  while (!waiting.empty()) {
    base::throw_if_stopped(stop);
    std::string path = std::move(waiting.back());
    waiting.pop_back();
    std::optional<base::Fd> file =
        base::find_beneath(directory, path, O_PATH | O_NOFOLLOW, base::Links::kRefuse);
    if (!file) {
      continue;
    }
    struct stat status = base::get_status(*file, "");
    bytes += bytes_of(status);
    if (!S_ISDIR(status.st_mode)) {
      continue;
    }
    for (const base::DirectoryEntry& entry : base::list_directory(*file)) {
      if (entry.type == DT_DIR || entry.type == DT_UNKNOWN) {
        waiting.push_back(base::cat(path, "/", entry.name));
      } else if (std::optional<struct stat> found = base::find_status(*file, entry.name)) {
        bytes += bytes_of(*found);
      }
    }
  }
  return bytes;
}

}  // namespace slipway::cache
