#include "base/named_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

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

std::string target_of(const std::string& link) {
  std::string target = read_link(link);
  return target.empty() || target.front() == '/' ? target
                                                 : link.substr(0, link.rfind('/') + 1) + target;
}

std::optional<int> descriptor_in(std::string_view path) {
  if (path == "/dev/stdout") {
    return STDOUT_FILENO;
  }
  if (path == "/dev/stderr") {
    return STDERR_FILENO;
  }
  for (std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(folder)) {
      return parse_integer<int>(path.substr(folder.size()));
    }
  }
  return std::nullopt;
}

// The descriptor of ours that the path, or a link to it, names.
std::optional<int> find_descriptor(std::string path) {
  for (int links = 0; links < kLinksMax && !path.empty(); ++links) {
    if (std::optional<int> number = descriptor_in(path)) {
      return number;
    }
    path = target_of(path);
  }
  return std::nullopt;
}

}  // namespace

std::string behind_links(const std::string& path) {
  std::string place = path;
  for (int links = 0; links < kLinksMax; ++links) {
    std::unique_ptr<char, decltype(&::free)> real(::realpath(place.c_str(), nullptr), &::free);
    if (real) {
      return real.get();
    }
    std::string target = target_of(place);
    if (target.empty()) {
      return place;
    }
    place = std::move(target);
  }
  return path;
}

bool is_special_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return false;
  }
  // What another process has open may be a regular file; it is that process' output.
  return !S_ISREG(status.st_mode) || path.starts_with("/proc/") || find_descriptor(path);
}

NamedFile::NamedFile(const std::string& path, mode_t mode) {
  path_ = path;
  if (std::optional<int> number = find_descriptor(path)) {
    // Not opened anew: whoever gave it to us goes on writing where we end. And a socket can't be.
    file_ = Fd(check([&] { return ::fcntl(*number, F_DUPFD_CLOEXEC, 0); }, "dup", path));
    return;
  }
  if (is_special_file(path)) {
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
