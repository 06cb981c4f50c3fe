#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::base {

namespace {

// By the name in /proc, because the f*xattr calls refuse O_PATH descriptors.
std::string proc_name(const Fd& fd) {
  return cat("/proc/self/fd/", fd.get());
}

bool is_unsupported(int error_number) {
  return error_number == ENOTSUP || error_number == EOPNOTSUPP;
}

using GetXattr = ssize_t (*)(const char*, const char*, void*, std::size_t);
using ListXattr = ssize_t (*)(const char*, char*, std::size_t);

std::optional<std::string> find_value(const std::string& path, const std::string& name,
                                      GetXattr get) {
  std::string value(256, '\0');
  while (true) {
    ssize_t size = get(path.c_str(), name.c_str(), value.data(), value.size());
    if (size >= 0) {
      value.resize(static_cast<std::size_t>(size));
      return value;
    }
    if (errno == ERANGE) {
      value.resize(value.size() * 4);
      continue;
    }
    if (errno == ENODATA || errno == EPERM || errno == EACCES || is_unsupported(errno)) {
      return std::nullopt;
    }
    throw system_error(errno, "getxattr", name);
  }
}

// The names one after another, each with a NUL behind it.
std::string list_names(const std::string& path, std::string_view object, ListXattr list) {
  std::string names(1024, '\0');
  while (true) {
    ssize_t size = list(path.c_str(), names.data(), names.size());
    if (size >= 0) {
      names.resize(static_cast<std::size_t>(size));
      return names;
    }
    if (errno == ERANGE) {
      names.resize(names.size() * 4);
      continue;
    }
    if (is_unsupported(errno)) {
      return {};
    }
    throw system_error(errno, "listxattr", object);
  }
}

// Linux 6.13 has a call that takes a directory and a name; older kernels, and filters that do not
// know it, refuse it. Nothing if it can't be used; then the way through /proc can. It is asked for
// most files that there are, and nearly none has attributes.
std::optional<bool> has_any_at(const Fd& directory, const std::string& file) {
#ifdef SYS_listxattrat
  constexpr long kNumber = SYS_listxattrat;
#else
  constexpr long kNumber = 465;  // on every architecture
#endif
  static std::atomic<bool> is_refused = false;
  if (is_refused) {
    return std::nullopt;
  }
  long size = ::syscall(kNumber, directory.get(), file.c_str(), AT_SYMLINK_NOFOLLOW, nullptr, 0UL);
  if (size >= 0) {
    return size > 0;
  }
  if (errno == ENOSYS || errno == EPERM) {
    is_refused = true;
  }
  return std::nullopt;
}

std::vector<Xattr> list_all(const std::string& path, std::string_view object, ListXattr list,
                            GetXattr get) {
  std::vector<Xattr> xattrs;
  std::string names = list_names(path, object, list);
  if (names.empty()) {
    return xattrs;
  }
  for (std::string_view name : split(names, '\0')) {
    if (name.empty()) {
      continue;
    }
    if (std::optional<std::string> value = find_value(path, std::string(name), get)) {
      xattrs.emplace_back(std::string(name), std::move(*value));
    }
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

}  // namespace

std::optional<std::string> find_xattr(const Fd& fd, const std::string& name) {
  return find_value(proc_name(fd), name, &::getxattr);
}

std::vector<Xattr> list_xattrs(const Fd& fd, std::string_view object) {
  return list_all(proc_name(fd), object, &::listxattr, &::getxattr);
}

std::vector<Xattr> list_xattrs_at(const Fd& directory, const std::string& file) {
  if (has_any_at(directory, file) == false) {
    return {};
  }
  return list_all(cat(proc_name(directory), "/", file), file, &::llistxattr, &::lgetxattr);
}

void set_xattr(const Fd& fd, const std::string& name, std::string_view value,
               std::string_view object) {
  check(
      [&] {
        return ::setxattr(proc_name(fd).c_str(), name.c_str(), value.data(), value.size(), 0);
      },
      "setxattr", cat(object, " ", name));
}

void set_xattr_at(const Fd& directory, const std::string& file, const std::string& name,
                  std::string_view value) {
  std::string path = cat(proc_name(directory), "/", file);
  check([&] { return ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0); },
        "lsetxattr", cat(file, " ", name));
}

}  // namespace slipway::base
