#include "base/named_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::base {

namespace {

constexpr int kLinksMax = 40;  // as the kernel's

std::string read_link(const std::string& path) {
  char text[PATH_MAX];
  ssize_t size = ::readlink(path.c_str(), text, sizeof text);
  return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// What a process has open: it may be a regular file, and others write to it, too.
bool names_open_file(const std::string& path) {
  return path == "/dev/stdout" || path == "/dev/stderr" || path.starts_with("/dev/fd/") ||
         path.starts_with("/proc/");
}

}  // namespace

std::string behind_links(const std::string& path) {
  std::string place = path;
  for (int links = 0; links < kLinksMax; ++links) {
    std::unique_ptr<char, decltype(&::free)> real(::realpath(place.c_str(), nullptr), &::free);
    if (real) {
      return real.get();
    }
    std::string target = read_link(place);
    if (target.empty()) {
      return place;
    }
    place = target.front() == '/' ? target : place.substr(0, place.rfind('/') + 1) + target;
  }
  return path;
}

bool is_special_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return false;
  }
  return !S_ISREG(status.st_mode) || names_open_file(path);
}

NamedFile::NamedFile(const std::string& path, mode_t mode) {
  // Not behind links: /dev/fd/63 is one to "pipe:[42]", which nobody can open.
  if (is_special_file(path)) {
    path_ = path;
    // At the end of an open file that is regular: what is there already is somebody's output.
    file_ = open_file(path_, O_WRONLY | O_NOCTTY | O_APPEND);
    return;
  }
  path_ = behind_links(path);
  std::string temporary = cat(path_, ".", random_hex(6), ".tmp");
  file_ = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  temporary_ = std::move(temporary);
}

NamedFile::~NamedFile() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void NamedFile::finish() {
  if (temporary_.empty()) {
    return;
  }
  check([&] { return ::fdatasync(file_.get()); }, "fdatasync", path_);
  file_.close(path_);
  check([&] { return ::rename(temporary_.c_str(), path_.c_str()); }, "rename", path_);
  temporary_.clear();
}

void write_named_file(const std::string& path, std::string_view content, mode_t mode) {
  NamedFile file(path, mode);
  write_all(file.fd(), content, path);
  file.finish();
}

void remove_named_file(const std::string& path) {
  if (!is_special_file(path) && ::unlink(behind_links(path).c_str()) != 0 && errno != ENOENT) {
    throw system_error(errno, "unlink", path);
  }
}

}  // namespace slipway::base
