#include "builder/sandbox/sealed_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <optional>

#include "base/fs.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

std::string real_path_of(const std::string& path) {
  char target[PATH_MAX];
  ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length < 0 ? path : std::string(target, static_cast<std::size_t>(length));
}

// An overlay without an upper directory has two layers at least; any other directory is the second.
// The mount is attached nowhere and dissolves with its descriptor; what was opened through it
// stays.
std::optional<Fd> mount_read_only_view(const std::string& directory) {
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  auto set = [&](const char* key, const char* value) {
    return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) == 0;
  };
  if (!context || !set("lowerdir+", directory.c_str()) || !set("lowerdir+", "/sys") ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return std::nullopt;
  }
  Fd view(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV));
  return view ? std::optional(std::move(view)) : std::nullopt;
}

// Nothing if this machine does not let us, for whatever reason: the copy is always right, only
// dearer. Nor if the name no longer means the program that is running (it was updated meanwhile): a
// helper of another version would not understand us.
std::optional<Fd> find_read_only_view(const std::string& path, const Fd& program) {
  std::string real_path = real_path_of(path);
  std::size_t slash = real_path.rfind('/');
  struct stat named{};
  struct stat opened = base::get_status(program, "");
  if (slash == std::string::npos || ::stat(real_path.c_str(), &named) != 0 ||
      named.st_dev != opened.st_dev || named.st_ino != opened.st_ino) {
    return std::nullopt;
  }
  std::optional<Fd> view = mount_read_only_view(slash == 0 ? "/" : real_path.substr(0, slash));
  if (!view) {
    return std::nullopt;
  }
  return base::find_beneath(*view, real_path.substr(slash + 1), O_RDONLY | O_NOFOLLOW);
}

}  // namespace

Fd open_sealed_program(const std::string& path) {
  Fd program = base::open_file(path, O_RDONLY);
  if (std::optional<Fd> view = find_read_only_view(path, program)) {
    return std::move(*view);
  }
  return copy_to_sealed_memory(program);
}

Fd copy_to_sealed_memory(const Fd& program) {
  Fd copy(check([&] { return ::memfd_create("slipway", MFD_CLOEXEC | MFD_ALLOW_SEALING); },
                "memfd_create"));
  auto left = static_cast<std::uint64_t>(base::get_status(program, "").st_size);
  off_t place = 0;
  while (left > 0) {
    auto count = check([&] { return ::sendfile(copy.get(), program.get(), &place, left); },
                       "sendfile", "the sandbox helper");
    if (count == 0) {
      base::fail(base::ErrorKind::kSystem, "the program became shorter while it was copied");
    }
    left -= static_cast<std::uint64_t>(count);
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  check([&] { return ::fcntl(copy.get(), F_ADD_SEALS, kSeals); }, "fcntl F_ADD_SEALS");
  // Opened anew for reading only: no descriptor that could write is left to execute from (ETXTBSY).
  return base::open_file("/proc/self/fd/" + std::to_string(copy.get()), O_RDONLY);
}

}  // namespace slipway::builder
