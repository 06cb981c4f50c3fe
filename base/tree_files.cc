#include "base/tree_files.h"

#include <fcntl.h>

#include <cerrno>

#include "base/fs.h"

namespace slipway::base {

std::shared_ptr<const Fd> TreeFiles::find_directory(std::string_view path) const {
  auto last = last_.lock();
  if (!last->directory || last->path != path) {
    last->directory =
        std::make_shared<const Fd>(open_beneath(root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    last->path = path;
  }
  return last->directory;
}

Fd TreeFiles::open(std::string_view directory, const std::string& name) const {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  std::shared_ptr<const Fd> opened = find_directory(directory);
  if (may_leave_times_) {
    int number = ::openat(opened->get(), name.c_str(), kFlags | O_NOATIME | O_CLOEXEC);
    if (number >= 0) {
      return Fd(number);
    }
    if (errno == EPERM) {
      may_leave_times_ = false;
    }
  }
  // What else was wrong is still wrong, and said here.
  return open_at(*opened, name, kFlags);
}

}  // namespace slipway::base
