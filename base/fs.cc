#include "base/fs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

#include "base/cleanup.h"
#include "base/text.h"

namespace slipway::base {

std::optional<struct stat> find_status(const Fd& directory, const std::string& name) {
  struct stat status{};
  int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::fstatat(directory.get(), name.c_str(), &status, flags) == 0) {
    return status;
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return std::nullopt;
  }
  throw system_error(errno, "stat", name);
}

struct stat get_status(const Fd& directory, const std::string& name) {
  std::optional<struct stat> status = find_status(directory, name);
  if (!status) {
    throw system_error(ENOENT, "stat", name);
  }
  return *status;
}

bool rename_without_replacing(const Fd& from_directory, const std::string& from,
                              const Fd& to_directory, const std::string& to) {
  if (::renameat2(from_directory.get(), from.c_str(), to_directory.get(), to.c_str(),
                  RENAME_NOREPLACE) == 0) {
    return true;
  }
  if (errno == EEXIST || errno == ENOTEMPTY) {
    return false;
  }
  throw system_error(errno, "rename", cat(from, " to ", to));
}

void write_file_atomically(const Fd& directory, const std::string& name, std::string_view content,
                           mode_t mode) {
  std::string temporary = cat(".", name, ".", random_hex(6));
  Fd file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  Cleanup remove_temporary([&] { ::unlinkat(directory.get(), temporary.c_str(), 0); });
  write_all(file, content, name);
  check([&] { return ::fsync(file.get()); }, "fsync", name);
  file.close(name);
  check(
      [&] { return ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()); },
      "rename", name);
  remove_temporary.cancel();
  check([&] { return ::fsync(directory.get()); }, "fsync", name);
}

std::optional<std::string> find_file_content(const std::string& path, std::size_t limit_bytes) {
  int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    throw system_error(errno, "open", path);
  }
  Fd file(number);
  return read_to_end(file, limit_bytes, path);
}

void sync_filesystem(const Fd& fd) {
  check([&] { return ::syncfs(fd.get()); }, "syncfs");
}

TempDir::TempDir(const std::string& parent, std::string_view prefix)
    : path_(cat(parent, "/", prefix, random_hex(8))) {
  check([&] { return ::mkdir(path_.c_str(), 0700); }, "mkdir", path_);
}

TempDir::~TempDir() {
  if (path_.empty()) {
    return;
  }
  try {
    remove_tree(path_);
  } catch (const Error&) {
    // A destructor can't report. What stays behind is below tmp/ and is swept when its owner is
    // gone.
  }
}

namespace {

std::optional<Fd> lock_file(const std::string& path, int operation) {
  Fd file = open_file(path, O_RDWR | O_CREAT, 0600);
  while (::flock(file.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) {
      return std::nullopt;
    }
    if (errno != EINTR) {
      throw system_error(errno, "flock", path);
    }
  }
  return file;
}

int flock_operation(FileLock::Mode mode) {
  return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX;
}

}  // namespace

FileLock FileLock::acquire(const std::string& path, Mode mode) {
  return FileLock(*lock_file(path, flock_operation(mode)));
}

std::optional<FileLock> FileLock::try_acquire(const std::string& path, Mode mode) {
  std::optional<Fd> file = lock_file(path, flock_operation(mode) | LOCK_NB);
  if (!file) {
    return std::nullopt;
  }
  return FileLock(std::move(*file));
}

std::string random_hex(std::size_t count) {
  std::string bytes(count, '\0');
  check([&] { return ::getrandom(bytes.data(), bytes.size(), 0); }, "getrandom");
  return to_hex(bytes);
}

}  // namespace slipway::base
