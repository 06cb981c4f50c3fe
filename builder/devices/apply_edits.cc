#include "builder/devices/apply_edits.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/rootless.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;
using base::ImagePath;

const ImagePath& target_of(const MountEntry& entry) {
  return std::visit([](const auto& mount) -> const ImagePath& { return mount.target; }, entry);
}

void set_mount(MountEntry entry, SandboxSpec& spec) {
  std::erase_if(spec.mounts,
                [&](const MountEntry& known) { return target_of(known) == target_of(entry); });
  spec.mounts.push_back(std::move(entry));
}

void set_variable(const std::string& variable, SandboxSpec& spec) {
  std::string name = variable.substr(0, variable.find('=') + 1);
  auto known = std::ranges::find_if(
      spec.environment, [&](const std::string& other) { return other.starts_with(name); });
  if (known == spec.environment.end()) {
    spec.environment.push_back(variable);
  } else {
    *known = variable;
  }
}

mode_t type_of(std::string_view letter) {
  if (letter == "b") {
    return S_IFBLK;
  }
  return letter == "p" ? S_IFIFO : S_IFCHR;
}

bool is_node(mode_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode);
}

// Root of a user namespace has no rights to what belongs to nobody in it.
void check_openable(const std::string& path, mode_t mode) {
  if (!in_user_namespace() || S_ISFIFO(mode) ||
      ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0) {
    return;
  }
  fail(ErrorKind::kDenied,
       cat("the device ", path, " can't be used by this user: it may not be read and written"),
       "become a member of the group that the device belongs to, or build as root");
}

struct stat status_of_node(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    fail(ErrorKind::kNotFound, cat("there is no device ", path, " on this machine"));
  }
  if (!is_node(status.st_mode)) {
    fail(ErrorKind::kInput, cat(path, " is no device"));
  }
  return status;
}

DeviceMount device_mount(const CdiDeviceNode& node, const UserIds& user) {
  if (!node.permissions.empty() &&
      !(node.permissions.contains('r') && node.permissions.contains('w'))) {
    fail(ErrorKind::kInput,
         cat("the device node ", node.path, " has the permissions ", base::quote(node.permissions),
             ", and fewer than reading and writing can't be enforced"));
  }
  DeviceMount mount;
  mount.source = node.host_path.empty() ? node.path : node.host_path;
  mount.target = ImagePath::clean(node.path);
  bool is_complete = !node.type.empty() && node.file_mode &&
                     (node.type == "p" || (node.major_number && node.minor_number));
  if (!is_complete || in_user_namespace()) {
    DeviceMount host = device_of_host(mount.source, node.path);
    if (!node.type.empty() && type_of(node.type) != host.type) {
      fail(ErrorKind::kInput, cat(mount.source, " is not of the type ", base::quote(node.type)));
    }
    mount = host;
  }
  mount.type = node.type.empty() ? mount.type : type_of(node.type);
  mount.major_number = node.major_number.value_or(mount.major_number);
  mount.minor_number = node.minor_number.value_or(mount.minor_number);
  constexpr mode_t kModeBits = 0777;
  mount.mode = node.file_mode.value_or(mount.mode) & kModeBits;
  mount.uid = node.uid.value_or(user.uid);
  mount.gid = node.gid.value_or(user.gid);
  return mount;
}

struct Option {
  std::string_view name;
  std::uint64_t attribute;
};
// Those about propagation change nothing: mounts of a step reach nobody, and nobody's reach it.
constexpr std::array<Option, 19> kOptions = {{{"ro", MOUNT_ATTR_RDONLY},
                                              {"rro", MOUNT_ATTR_RDONLY},
                                              {"nosuid", MOUNT_ATTR_NOSUID},
                                              {"nodev", MOUNT_ATTR_NODEV},
                                              {"noexec", MOUNT_ATTR_NOEXEC},
                                              {"rw", 0},
                                              {"suid", 0},
                                              {"exec", 0},
                                              {"bind", 0},
                                              {"rbind", 0},
                                              {"private", 0},
                                              {"rprivate", 0},
                                              {"slave", 0},
                                              {"rslave", 0},
                                              {"shared", 0},
                                              {"rshared", 0},
                                              {"unbindable", 0},
                                              {"runbindable", 0},
                                              {"dev", 0}}};

void apply_tmpfs(const CdiMount& mount, SandboxSpec& spec) {
  TmpfsMount tmpfs{.target = ImagePath::clean(mount.container_path)};
  for (const std::string& option : mount.options) {
    auto pair = base::split_once(option, '=');
    bool is_mode = pair && pair->before == "mode";
    std::optional<std::uint32_t> mode =
        is_mode ? base::parse_integer<std::uint32_t>(pair->after, 8) : std::nullopt;
    if (mode) {
      tmpfs.mode = *mode & 07777;
    } else if (std::ranges::find(kOptions, std::string_view(option), &Option::name) ==
               kOptions.end()) {
      fail(ErrorKind::kInput, cat("the mount at ", mount.container_path, " has the option ",
                                  base::quote(option), ", which is not known"));
    }
  }
  set_mount(tmpfs, spec);
}

void apply_mount(const CdiMount& mount, SandboxSpec& spec) {
  if (mount.type == "tmpfs") {
    apply_tmpfs(mount, spec);
    return;
  }
  if (!mount.type.empty() && mount.type != "bind") {
    fail(ErrorKind::kInput, cat("the mount at ", mount.container_path, " is of the type ",
                                base::quote(mount.type), "; bind and tmpfs are known"));
  }
  BindMount bind{.source = mount.host_path,
                 .target = ImagePath::clean(mount.container_path),
                 .access = Access::kReadWrite};
  for (const std::string& option : mount.options) {
    auto known = std::ranges::find(kOptions, std::string_view(option), &Option::name);
    if (known == kOptions.end()) {
      fail(ErrorKind::kInput, cat("the mount at ", mount.container_path, " has the option ",
                                  base::quote(option), ", which is not known"));
    }
    bind.attributes |= known->attribute;
  }
  if ((bind.attributes & MOUNT_ATTR_RDONLY) != 0) {
    bind.access = Access::kReadOnly;
    bind.attributes &= ~static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY);
  }
  if (!base::find_status(base::Fd(), bind.source)) {
    fail(ErrorKind::kNotFound, cat("there is no ", bind.source, " on this machine"));
  }
  set_mount(std::move(bind), spec);
}

void apply_hooks(const std::vector<CdiHook>& hooks, SandboxSpec& spec) {
  if (hooks.empty()) {
    return;
  }
  if (!spec.runtime) {
    fail(ErrorKind::kInput,
         cat("the device has the hook ", hooks.front().path, " (", hooks.front().name,
             "), a program that an OCI runtime has to call"),
         "run the steps through one, with --runtime crun or --runtime runc");
  }
  for (const CdiHook& hook : hooks) {
    spec.runtime->hooks.push_back(
        {hook.name, hook.path, hook.arguments, hook.environment, hook.timeout_s});
  }
}

void apply(const ContainerEdits& edits, SandboxSpec& spec) {
  if (!edits.unsupported.empty()) {
    fail(ErrorKind::kInput,
         cat("the device needs ", edits.unsupported.front(), ", which steps can't be given"));
  }
  for (const std::string& variable : edits.environment) {
    set_variable(variable, spec);
  }
  for (const CdiDeviceNode& node : edits.device_nodes) {
    set_mount(device_mount(node, spec.user), spec);
  }
  for (const CdiMount& mount : edits.mounts) {
    apply_mount(mount, spec);
  }
  apply_hooks(edits.hooks, spec);
  for (std::uint32_t gid : edits.additional_gids) {
    // 0 would be root's group; runtimes leave it out, too.
    if (gid != 0 && std::ranges::find(spec.user.groups, gid) == spec.user.groups.end()) {
      spec.user.groups.push_back(gid);
    }
  }
}

}  // namespace

DeviceMount device_of_host(const std::string& host_path, const std::string& container_path) {
  struct stat status = status_of_node(host_path);
  check_openable(host_path, status.st_mode);
  constexpr mode_t kModeBits = 0777;
  return {.source = host_path,
          .target = ImagePath::clean(container_path),
          .type = status.st_mode & S_IFMT,
          .major_number = major(status.st_rdev),
          .minor_number = minor(status.st_rdev),
          .mode = status.st_mode & kModeBits,
          .uid = status.st_uid,
          .gid = status.st_gid};
}

void apply_edits(const std::vector<const ContainerEdits*>& edits, const std::string& name,
                 SandboxSpec& spec) {
  base::noting([&] { return cat("adding the device ", name); },
               [&] {
                 for (const ContainerEdits* one : edits) {
                   apply(*one, spec);
                 }
               });
}

}  // namespace slipway::builder
