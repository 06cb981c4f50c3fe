#include "cache/session/owner.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::cache {

using base::cat;
using base::Fd;

namespace {

constexpr std::string_view kLockSuffix = ".lock";

bool lock_now(const Fd& file, std::string_view object) {
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return false;
    }
    if (errno != EINTR) {
      throw base::system_error(errno, "flock", object);
    }
  }
  return true;
}

// A lock file of this name, locked; nothing if a sweep came between its making and its locking and
// took it for dead.
std::optional<Fd> make_locked(const Layout& layout, const std::string& name) {
  std::string file_name = cat(name, kLockSuffix);
  Fd file = base::open_at(layout.tmp, file_name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!lock_now(file, file_name)) {
    return std::nullopt;
  }
  struct stat status = base::get_status(file, "");
  return status.st_nlink == 0 ? std::nullopt : std::optional(std::move(file));
}

// The lock of an owner that is gone; nothing if it lives or was buried meanwhile.
std::optional<Fd> claim(const Layout& layout, const std::string& name) {
  std::string file_name = cat(name, kLockSuffix);
  int number = ::openat(layout.tmp.get(), file_name.c_str(), O_RDWR | O_CLOEXEC);
  if (number < 0) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    throw base::system_error(errno, "open", layout.path_of(cat("tmp/", file_name)));
  }
  Fd file(number);
  if (!lock_now(file, file_name) || base::get_status(file, "").st_nlink == 0) {
    return std::nullopt;
  }
  return file;
}

}  // namespace

Owner::Owner(const Layout& layout) : layout_(&layout) {
  while (!lock_) {
    name_ = cat(::getpid(), "-", base::random_hex(6));
    if (std::optional<Fd> lock = make_locked(layout, name_)) {
      lock_ = std::move(*lock);
    }
  }
  directory_ = base::ensure_directory(layout.tmp, name_, 0700);
}

Owner::~Owner() {
  directory_.reset();
  std::string lock_name = cat(name_, kLockSuffix);
  if (::unlinkat(layout_->tmp.get(), name_.c_str(), AT_REMOVEDIR) != 0) {
    std::string trash_name = base::to_hex(name_);
    ::renameat(layout_->tmp.get(), name_.c_str(), layout_->trash.get(), trash_name.c_str());
  }
  // A destructor can't report. What stays behind is swept, for the lock ends with lock_.
  ::unlinkat(layout_->tmp.get(), lock_name.c_str(), 0);
}

std::string Owner::path() const {
  return layout_->path_of(cat("tmp/", name_));
}

bool is_alive(const Layout& layout, const std::string& owner) {
  std::string file_name = cat(owner, kLockSuffix);
  int number = ::openat(layout.tmp.get(), file_name.c_str(), O_RDWR | O_CLOEXEC);
  if (number < 0) {
    if (errno == ENOENT) {
      return false;
    }
    throw base::system_error(errno, "open", layout.path_of(cat("tmp/", file_name)));
  }
  Fd file(number);
  return !lock_now(file, file_name);
}

void DeadOwner::bury(const Layout& layout) {
  move_to_trash(layout, layout.tmp, name_);
  if (lock_) {
    std::string lock_name = cat(name_, kLockSuffix);
    if (::unlinkat(layout.tmp.get(), lock_name.c_str(), 0) != 0 && errno != ENOENT) {
      throw base::system_error(errno, "unlink", layout.path_of(cat("tmp/", lock_name)));
    }
  }
}

std::vector<DeadOwner> claim_dead_owners(const Layout& layout) {
  std::vector<DeadOwner> dead;
  for (const base::DirectoryEntry& entry : base::list_directory(layout.tmp)) {
    if (entry.name.ends_with(kLockSuffix)) {
      std::string name = entry.name.substr(0, entry.name.size() - kLockSuffix.size());
      if (std::optional<Fd> lock = claim(layout, name)) {
        dead.push_back(DeadOwner(std::move(name), std::move(*lock)));
      }
    } else if (!base::find_status(layout.tmp, cat(entry.name, kLockSuffix))) {
      dead.push_back(DeadOwner(entry.name, Fd()));
    }
  }
  return dead;
}

bool move_to_trash(const Layout& layout, const Fd& directory, const std::string& name) {
  std::string trash_name = base::random_hex(12);
  if (::renameat(directory.get(), name.c_str(), layout.trash.get(), trash_name.c_str()) == 0) {
    return true;
  }
  if (errno == ENOENT) {
    return false;
  }
  throw base::system_error(errno, "rename", cat(name, " to ", layout.path_of("trash")));
}

}  // namespace slipway::cache
