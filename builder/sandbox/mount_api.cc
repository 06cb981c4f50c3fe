#include "builder/sandbox/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

struct FlagPair {
  unsigned long from;
  unsigned long to;
};
// What statvfs(3) calls a mount's flags, and the attributes of the new API, in terms of mount(2).
constexpr FlagPair kFlagsOfStatus[] = {{ST_RDONLY, MS_RDONLY},    {ST_NOSUID, MS_NOSUID},
                                       {ST_NODEV, MS_NODEV},      {ST_NOEXEC, MS_NOEXEC},
                                       {ST_NOATIME, MS_NOATIME},  {ST_NODIRATIME, MS_NODIRATIME},
                                       {ST_RELATIME, MS_RELATIME}};
constexpr FlagPair kFlagsOfAttributes[] = {{MOUNT_ATTR_RDONLY, MS_RDONLY},
                                           {MOUNT_ATTR_NOSUID, MS_NOSUID},
                                           {MOUNT_ATTR_NODEV, MS_NODEV},
                                           {MOUNT_ATTR_NOEXEC, MS_NOEXEC}};

unsigned long translate(unsigned long flags, std::span<const FlagPair> pairs) {
  unsigned long result = 0;
  for (const FlagPair& pair : pairs) {
    result |= (flags & pair.from) != 0 ? pair.to : 0;
  }
  return result;
}

// Before Linux 5.12. mount(2) replaces all flags of a bind mount, so those it has are given again
// (without privilege over the original mount the kernel refuses to lose them). Mounts below are not
// reached this way: they stay as they are.
void remount(const Fd& mount, std::uint64_t attributes, std::string_view object) {
  struct statvfs status{};
  check([&] { return ::fstatvfs(mount.get(), &status); }, "fstatvfs", object);
  unsigned long flags = MS_REMOUNT | MS_BIND | translate(status.f_flag, kFlagsOfStatus) |
                        translate(attributes, kFlagsOfAttributes);
  std::string path = cat("/proc/self/fd/", mount.get());
  check([&] { return ::mount(nullptr, path.c_str(), nullptr, flags, nullptr); }, "remount", object);
}

void set_option(const Fd& context, const std::string& key, const std::string& value,
                std::string_view type) {
  unsigned command = value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  const char* text = value.empty() ? nullptr : value.c_str();
  if (::fsconfig(context.get(), command, key.c_str(), text, 0) != 0) {
    fail_with_log(context, errno, cat(type, " with ", key, value.empty() ? "" : "=", value));
  }
}

}  // namespace

void fail_with_log(const Fd& context, int error_number, std::string_view object) {
  base::Error error = base::system_error(error_number, "mount", object);
  std::array<char, 1024> line;
  // The kernel keeps the last lines, each "<level> <text>"; ENODATA ends them.
  while (true) {
    ssize_t size = ::read(context.get(), line.data(), line.size());
    if (size <= 2) {
      throw error;
    }
    error.add_note(
        cat("the kernel says: ",
            base::trim(std::string_view(line.data(), static_cast<std::size_t>(size)).substr(2))));
  }
}

Fd make_filesystem(const FilesystemRequest& request) {
  Fd context(check([&] { return ::fsopen(request.type, FSOPEN_CLOEXEC); }, "fsopen", request.type));
  set_option(context, "source", request.type, request.type);  // what /proc/mounts shows first
  for (const auto& [key, value] : request.options) {
    set_option(context, key, value, request.type);
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    fail_with_log(context, errno, request.type);
  }
  int number = ::fsmount(context.get(), FSMOUNT_CLOEXEC, request.attributes);
  if (number < 0 && errno == EPERM && std::string_view(request.type) == "proc") {
    throw base::system_error(EPERM, "fsmount", "proc")
        .with_hint(
            "a container that hides parts of its /proc lets nobody in it mount another one: let it "
            "show all (Kubernetes: procMount: Unmasked; Docker, Podman: --security-opt "
            "systempaths=unconfined, unmask=ALL)");
  }
  return Fd(check([&] { return number; }, "fsmount", request.type));
}

Fd clone_mount(const Fd& source, std::string_view object, Depth depth) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  flags |= depth == Depth::kWithMountsBelow ? AT_RECURSIVE : 0;
  return Fd(check([&] { return ::open_tree(source.get(), "", flags); }, "open_tree", object));
}

void attach(const Fd& mount, const Fd& target, std::string_view object) {
  check(
      [&] {
        return ::move_mount(mount.get(), "", target.get(), "",
                            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
      },
      "move_mount", object);
}

Fd clone_mount_at(const Fd& directory, const char* name) {
  constexpr unsigned kFlags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW;
  return Fd(check([&] { return ::open_tree(directory.get(), name, kFlags); }, "open_tree", name));
}

void attach_at(const Fd& mount, const Fd& directory, const char* name) {
  check(
      [&] { return ::move_mount(mount.get(), "", directory.get(), name, MOVE_MOUNT_F_EMPTY_PATH); },
      "move_mount", name);
}

void add_attributes(const Fd& mount, std::uint64_t attributes, std::string_view object,
                    Depth depth) {
  mount_attr change{};
  change.attr_set = attributes;
  unsigned flags = AT_EMPTY_PATH;
  flags |= depth == Depth::kWithMountsBelow ? AT_RECURSIVE : 0;
  if (::mount_setattr(mount.get(), "", flags, &change, sizeof change) == 0) {
    return;
  }
  if (errno != ENOSYS) {
    throw base::system_error(errno, "mount_setattr", object);
  }
  remount(mount, attributes, object);
}

void make_all_mounts_private() {
  check([] { return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr); }, "mount", "/");
}

// pivot_root(".", ".") puts the old root on top of the new one, at the same place, so that no
// directory is needed for it; then it is detached.
void pivot_into(const Fd& root) {
  Fd old_root = base::open_directory("/");
  check([&] { return ::fchdir(root.get()); }, "fchdir", "the new root");
  check([] { return ::syscall(SYS_pivot_root, ".", "."); }, "pivot_root", "the new root");
  check([&] { return ::fchdir(old_root.get()); }, "fchdir", "the old root");
  check([] { return ::umount2(".", MNT_DETACH); }, "umount", "the old root");
  check([&] { return ::fchdir(root.get()); }, "fchdir", "the new root");
  // ".." of the root is what lies on top of it.
  struct stat top = base::get_status(base::open_file("/..", O_PATH), "");
  struct stat status = base::get_status(root, "");
  if (top.st_dev != status.st_dev || top.st_ino != status.st_ino) {
    base::fail(base::ErrorKind::kInternal, "the old root is still there");
  }
}

}  // namespace slipway::builder
