#include "builder/sandbox/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

// What can't be done between these files, or not by this kernel.
bool is_refused(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == EOPNOTSUPP ||
         error_number == ENOSYS || error_number == ENOTTY || error_number == EPERM ||
         error_number == EBADF;
}

void copy_by_hand(const Fd& from, const Fd& to, off_t start, off_t end, std::string_view object) {
  std::vector<char> buffer(std::size_t{256} << 10);
  while (start < end) {
    std::size_t wanted = std::min(buffer.size(), static_cast<std::size_t>(end - start));
    auto got = static_cast<std::size_t>(
        check([&] { return ::pread(from.get(), buffer.data(), wanted, start); }, "read", object));
    if (got == 0) {
      return;
    }
    for (std::size_t done = 0; done < got;) {
      done += static_cast<std::size_t>(check(
          [&] {
            return ::pwrite(to.get(), buffer.data() + done, got - done,
                            start + static_cast<off_t>(done));
          },
          "write", object));
    }
    start += static_cast<off_t>(got);
  }
}

void copy_range(const Fd& from, const Fd& to, off_t start, off_t end, std::string_view object) {
  while (start < end) {
    off_t out = start;
    ssize_t moved = ::copy_file_range(from.get(), &start, to.get(), &out,
                                      static_cast<std::size_t>(end - start), 0);
    if (moved < 0 && errno == EINTR) {
      continue;
    }
    if (moved < 0 && !is_refused(errno)) {
      throw base::system_error(errno, "copy_file_range", object);
    }
    if (moved <= 0) {
      return copy_by_hand(from, to, start, end, object);
    }
  }
}

}  // namespace

bool is_attribute_of_file(std::string_view name) {
  if (name.starts_with("user.")) {
    return !name.starts_with("user.overlay.");
  }
  return name == "security.capability" || name.starts_with("system.posix_acl_") ||
         (name.starts_with("trusted.") && !name.starts_with("trusted.overlay."));
}

void copy_content(const Fd& from, const Fd& to, off_t size, std::string_view object) {
  if (::ioctl(to.get(), FICLONE, from.get()) == 0) {
    return;
  }
  if (!is_refused(errno)) {
    throw base::system_error(errno, "clone", object);
  }
  for (off_t place = 0; place < size;) {
    off_t data = ::lseek(from.get(), place, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;  // nothing but a hole is left
    }
    // A file system that can't say has no holes.
    off_t start = data < 0 ? place : data;
    off_t hole = data < 0 ? size : ::lseek(from.get(), data, SEEK_HOLE);
    off_t end = hole < 0 ? size : std::min(hole, size);
    copy_range(from, to, start, end, object);
    place = end;
  }
  check([&] { return ::ftruncate(to.get(), size); }, "ftruncate", object);
}

const Fd& FileCopy::directory(const ImagePath& path) {
  if (!directory_ || directory_path_ != path) {
    directory_ = base::open_beneath(*target_, path.relative(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    directory_path_ = path;
  }
  return directory_;
}

void FileCopy::remove(const ImagePath& path) {
  if (path.contains(directory_path_)) {
    directory_.reset();
  }
  base::remove_tree(directory(path.parent()), std::string(path.base_name()));
}

bool FileCopy::put(const Fd& from, const ImagePath& path, const struct stat& status) {
  std::string name(path.base_name());
  bool is_link = S_ISLNK(status.st_mode);
  if (!S_ISREG(status.st_mode) && !is_link && !S_ISFIFO(status.st_mode)) {
    return false;
  }
  remove(path);
  if (S_ISREG(status.st_mode)) {
    put_file(from, path, status);
    return true;
  }
  const Fd& parent = directory(path.parent());
  if (is_link) {
    std::array<char, 4097> text;
    ssize_t length =
        check([&] { return ::readlinkat(from.get(), name.c_str(), text.data(), text.size() - 1); },
              "readlink", path.text());
    text[static_cast<std::size_t>(length)] = '\0';
    check([&] { return ::symlinkat(text.data(), parent.get(), name.c_str()); }, "symlink",
          path.text());
  } else {
    check([&] { return ::mknodat(parent.get(), name.c_str(), S_IFIFO | 0600, 0); }, "mkfifo",
          path.text());
  }
  set_attributes(from, parent, name, status);
  return true;
}

void FileCopy::put_file(const Fd& from, const ImagePath& path, const struct stat& status) {
  std::string name(path.base_name());
  if (status.st_nlink > 1) {
    auto [first, is_new] = first_names_.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_new) {
      Fd there = base::open_beneath(*target_, first->second.parent().relative(),
                                    O_PATH | O_DIRECTORY | O_NOFOLLOW);
      std::string first_name(first->second.base_name());
      check(
          [&] {
            return ::linkat(there.get(), first_name.c_str(), directory(path.parent()).get(),
                            name.c_str(), 0);
          },
          "link", path.text());
      return;
    }
  }
  const Fd& parent = directory(path.parent());
  Fd source = base::open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  Fd copy = base::open_at(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  copy_content(source, copy, status.st_size, path.text());
  copy.close(path.text());
  set_attributes(from, parent, name, status);
}

// The owner first: a change of it takes set-id bits and capabilities away.
void FileCopy::set_attributes(const Fd& from, const Fd& parent, const std::string& name,
                              const struct stat& status) {
  check(
      [&] {
        return ::fchownat(parent.get(), name.c_str(), status.st_uid, status.st_gid,
                          AT_SYMLINK_NOFOLLOW);
      },
      "chown", name);
  if (!S_ISLNK(status.st_mode)) {
    check([&] { return ::fchmodat(parent.get(), name.c_str(), status.st_mode & 07777U, 0); },
          "chmod", name);
    for (const base::Xattr& xattr : base::list_xattrs_at(from, name)) {
      if (is_attribute_of_file(xattr.first)) {
        base::set_xattr_at(parent, name, xattr.first, xattr.second);
      }
    }
  }
  std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, status.st_mtim};
  check([&] { return ::utimensat(parent.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW); },
        "utimensat", name);
}

void FileCopy::renew_directory(const Fd& from, const ImagePath& path) {
  remove(path);
  put_directory(from, path);
}

void FileCopy::put_directory(const Fd& from, const ImagePath& path) {
  struct stat status = base::get_status(from, "");
  directory_times_.emplace_back(path, status.st_mtim);
  std::string name(path.base_name());
  if (!path.is_root()) {
    const Fd& parent = directory(path.parent());
    std::optional<struct stat> found = base::find_status(parent, name);
    if (found && !S_ISDIR(found->st_mode)) {
      base::remove_tree(parent, name);
      found.reset();
    }
    if (!found) {
      check([&] { return ::mkdirat(parent.get(), name.c_str(), 0700); }, "mkdir", path.text());
    }
  }
  const Fd& made = directory(path);
  check([&] { return ::fchown(made.get(), status.st_uid, status.st_gid); }, "chown", path.text());
  std::vector<base::Xattr> wanted = base::list_xattrs(from, path.text());
  std::erase_if(wanted, [](const auto& xattr) { return !is_attribute_of_file(xattr.first); });
  for (const base::Xattr& xattr : base::list_xattrs(made, path.text())) {
    bool stays = std::ranges::find(wanted, xattr.first, &base::Xattr::first) != wanted.end();
    if (!stays && is_attribute_of_file(xattr.first)) {
      check([&] { return ::fremovexattr(made.get(), xattr.first.c_str()); }, "removexattr",
            path.text());
    }
  }
  for (const base::Xattr& xattr : wanted) {
    base::set_xattr(made, xattr.first, xattr.second, path.text());
  }
  check([&] { return ::fchmod(made.get(), status.st_mode & 07777U); }, "chmod", path.text());
}

void FileCopy::finish() {
  for (auto entry = directory_times_.rbegin(); entry != directory_times_.rend(); ++entry) {
    std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, entry->second};
    check([&] { return ::futimens(directory(entry->first).get(), times.data()); }, "utimensat",
          entry->first.text());
  }
  directory_times_.clear();
}

}  // namespace slipway::builder
