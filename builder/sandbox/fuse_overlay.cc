#include "builder/sandbox/fuse_overlay.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/rootless.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

constexpr int kDeviceDescriptor = 3;
constexpr std::size_t kMessageBytesMax = 4096;
constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMark = ".wh..wh..opq";
// Left beside the mark by some versions.
constexpr std::string_view kOpaqueDeviceMark = ".wh..opq";

// The options are one text with commas and colons between them.
const std::string& usable(const std::string& path) {
  if (path.find_first_of(",:\\") != std::string::npos) {
    base::fail(base::ErrorKind::kInput,
               cat("fuse-overlayfs cannot use the path ", base::quote(path)),
               "keep images in a folder whose name has no comma, colon or backslash");
  }
  return path;
}

std::string options_of(const OverlayRoot& root) {
  std::vector<std::string> layers;
  std::set<std::string_view> seen;
  for (auto layer = root.lowers.rbegin(); layer != root.lowers.rend(); ++layer) {
    if (seen.insert(*layer).second) {
      layers.push_back(usable(*layer));
    }
  }
  std::string options = cat("lowerdir=", base::join(layers, ":"));
  if (!root.upper.empty()) {
    options += cat(",upperdir=", usable(root.upper), ",workdir=", usable(root.work));
  }
  return options;
}

void make_whiteout(const Fd& directory, const std::string& name) {
  check([&] { return ::mknodat(directory.get(), name.c_str(), S_IFCHR, makedev(0, 0)); },
        "make the whiteout", name);
}

void translate_directory(const Fd& directory) {
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    std::string_view name = entry.name;
    if (entry.type == DT_DIR) {
      translate_directory(
          base::open_at(directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    } else if (name == kOpaqueMark || name == kOpaqueDeviceMark) {
      const char* attribute =
          in_user_namespace() ? "user.overlay.opaque" : "trusted.overlay.opaque";
      base::set_xattr(directory, attribute, "y", entry.name);
      check([&] { return ::unlinkat(directory.get(), entry.name.c_str(), 0); }, "unlink", name);
    } else if (name.starts_with(kWhiteoutPrefix)) {
      check([&] { return ::unlinkat(directory.get(), entry.name.c_str(), 0); }, "unlink", name);
      make_whiteout(directory, std::string(name.substr(kWhiteoutPrefix.size())));
    }
  }
}

}  // namespace

// Asked by making one of two folders that are everywhere: before Linux 6.5 options are taken
// unread, so that nothing less tells. Folders that nothing is mounted in: a container has mounts
// below /etc, which a user namespace in it locks, and a locked mount is in an overlay's way.
bool kernel_overlay_works_for_users() {
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) {
    return false;
  }
  // Whatever else stands in the way is no reason for another program, and the step will tell it.
  auto is_refused = [] { return errno == EPERM || errno == EACCES || errno == ENODEV; };
  auto set = [&](unsigned command, const char* key, const char* value) {
    return ::fsconfig(context.get(), command, key, value, 0) == 0;
  };
  return set(FSCONFIG_SET_STRING, "lowerdir", "/usr/bin:/usr/lib") &&
         set(FSCONFIG_SET_FLAG, "userxattr", nullptr) &&
         (set(FSCONFIG_CMD_CREATE, nullptr, nullptr) || !is_refused());
}

std::string find_fuse_overlayfs() {
  for (const char* path : {"/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs"}) {
    if (::access(path, X_OK) == 0) {
      return path;
    }
  }
  base::fail(base::ErrorKind::kSystem,
             "this kernel has no overlay for users other than root, and fuse-overlayfs is not "
             "installed",
             "install the package fuse-overlayfs, or use Linux 5.11 or newer");
}

Fd mount_fuse_overlay(FuseConnections& connections, std::size_t number, const Fd& directory,
                      const char* name) {
  Fd device = std::move(connections.devices.at(number));
  Fd mount = make_filesystem({.type = "fuse",
                              .options = {{"fd", cat(device.get())},
                                          {"rootmode", "40000"},
                                          {"user_id", "0"},
                                          {"group_id", "0"},
                                          {"default_permissions", ""},
                                          {"allow_other", ""}},
                              .attributes = 0});
  attach_at(mount, directory, name);
  // Ours is closed first: with the helper's, the program holds the only one, and the mount fails
  // instead of waiting for ever should the program end.
  device.reset();
  base::write_all(connections.mounted, {reinterpret_cast<const char*>(&number), sizeof number},
                  "helper");
  return mount;
}

FuseServer::FuseServer(std::string program, const std::vector<std::optional<OverlayRoot>>& roots)
    : program_(std::move(program)), mounted_(base::make_pipe()) {
  for (const std::optional<OverlayRoot>& root : roots) {
    options_.push_back(root ? options_of(*root) : std::string());
    devices_.push_back(root ? base::open_file("/dev/fuse", O_RDWR) : Fd());
  }
}

FuseConnections FuseServer::take_connections() {
  mounted_.read_end.reset();
  return {std::move(devices_), std::move(mounted_.write_end)};
}

bool FuseServer::serve() {
  std::size_t number = 0;
  if (base::read_some(mounted_.read_end, {reinterpret_cast<char*>(&number), sizeof number},
                      "a step") != sizeof number) {
    mounted_.read_end.reset();
    return false;
  }
  // Ours stays open until there is a program: without one the step would fail of the mount, and the
  // owner might hear of that instead.
  Fd& device = devices_.at(number);
  Fd messages(check([] { return ::memfd_create("fuse-overlayfs", MFD_CLOEXEC); }, "memfd_create"));
  base::SpawnOptions options;
  options.argv = {program_, "-f", "-o", options_.at(number), cat("/dev/fd/", kDeviceDescriptor)};
  options.descriptors = {
      {messages.get(), 1}, {messages.get(), 2}, {device.get(), kDeviceDescriptor}};
  base::Child process = base::Child::spawn(options);
  device.reset();
  served_.push_back({std::move(process), std::move(messages)});
  return true;
}

// A program ends by itself when its mount goes, and then with success.
std::optional<std::string> FuseServer::problem() {
  for (Served& served : served_) {
    pollfd wait{served.process.pidfd().get(), POLLIN, 0};
    if (::poll(&wait, 1, 0) != 1) {
      continue;
    }
    base::ExitStatus status = served.process.wait();
    if (!status.success()) {
      std::string text(kMessageBytesMax, '\0');
      text.resize(base::pread_full(served.messages, text, 0, program_));
      return cat(program_, " has failed (", status.text(), "): ", base::trim(text));
    }
  }
  return std::nullopt;
}

void translate_fuse_marks(const std::string& upper) {
  translate_directory(base::open_directory(upper));
}

}  // namespace slipway::builder
