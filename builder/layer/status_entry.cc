#include "builder/layer/status_entry.h"

#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"

namespace slipway::builder {

namespace {

EntryType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryType::kDirectory;
    case S_IFLNK:
      return EntryType::kSymlink;
    case S_IFCHR:
      return EntryType::kCharDevice;
    case S_IFBLK:
      return EntryType::kBlockDevice;
    case S_IFIFO:
      return EntryType::kFifo;
    default:
      return EntryType::kFile;
  }
}

}  // namespace

Entry entry_of_status(base::ImagePath path, const struct stat& status) {
  Entry entry{.path = std::move(path),
              .type = type_of(status.st_mode),
              .mode = status.st_mode & 07777,
              .uid = status.st_uid,
              .gid = status.st_gid,
              .mtime = {status.st_mtim.tv_sec, static_cast<std::int32_t>(status.st_mtim.tv_nsec)}};
  if (S_ISREG(status.st_mode)) {
    entry.size = static_cast<std::uint64_t>(status.st_size);
  }
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    entry.device_major = ::major(status.st_rdev);
    entry.device_minor = ::minor(status.st_rdev);
  }
  return entry;
}

std::string read_link(const base::Fd& directory, const std::string& name) {
  char text[PATH_MAX + 1];
  ssize_t size =
      base::check([&] { return ::readlinkat(directory.get(), name.c_str(), text, sizeof text); },
                  "readlink", name);
  if (size > PATH_MAX) {
    base::fail(base::ErrorKind::kInput, base::cat("symbolic link ", name, " is too long"));
  }
  return {text, static_cast<std::size_t>(size)};
}

Entry read_entry(base::ImagePath path, const base::Fd& directory, const std::string& name,
                 const struct stat& status) {
  Entry entry = entry_of_status(std::move(path), status);
  if (entry.is_symlink()) {
    entry.link_target = read_link(directory, name);
    return entry;
  }
  entry.xattrs = base::list_xattrs_at(directory, name);
  drop_foreign_xattrs(entry.xattrs);
  return entry;
}

}  // namespace slipway::builder
