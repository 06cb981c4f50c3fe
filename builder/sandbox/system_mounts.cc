#include "builder/sandbox/system_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/mount_api.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

constexpr unsigned kSystemData = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// The lists of Docker's default container, relative to /proc and /sys. A path that the kernel at
// hand does not have is left out.
constexpr const char* kHiddenInProc[] = {"acpi",       "asound",        "interrupts", "kcore",
                                         "keys",       "latency_stats", "scsi",       "sched_debug",
                                         "timer_list", "timer_stats"};
constexpr const char* kReadOnlyInProc[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
constexpr const char* kHiddenInSys[] = {"firmware", "devices/virtual/powercap"};

struct DeviceLink {
  const char* name;
  const char* target;
};
constexpr DeviceLink kDeviceLinks[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                                       {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                                       {"ptmx", "pts/ptmx"},          {"core", "/proc/kcore"}};

// `path` is looked up beneath the very mount, so no link of the image can lead elsewhere.
void hide(const Scratch& scratch, const Fd& mount, const char* path) {
  std::optional<Fd> found = base::find_beneath(mount, path, O_PATH | O_NOFOLLOW);
  if (!found) {
    return;
  }
  bool is_directory = S_ISDIR(base::get_status(*found, "").st_mode);
  Fd cover = is_directory ? scratch.clone_empty_directory() : scratch.clone_device("null");
  attach(cover, *found, path);
  if (is_directory) {
    add_attributes(cover, kSystemData | MOUNT_ATTR_RDONLY, path);
  }
}

void make_read_only(const Fd& mount, const char* path) {
  std::optional<Fd> found = base::find_beneath(mount, path, O_PATH | O_NOFOLLOW);
  if (!found) {
    return;
  }
  Fd cover = clone_mount(*found, path, Depth::kWithMountsBelow);
  attach(cover, *found, path);
  add_attributes(cover, kSystemData | MOUNT_ATTR_RDONLY, path, Depth::kWithMountsBelow);
}

void add_devices(const Scratch& scratch, const Fd& dev) {
  for (const DeviceNode& device : kDevices) {
    check([&] { return ::mknodat(dev.get(), device.name, S_IFREG | 0644, 0); }, "mknod",
          device.name);
    attach_at(scratch.clone_device(device.name), dev, device.name);
  }
  for (const DeviceLink& link : kDeviceLinks) {
    check([&] { return ::symlinkat(link.target, dev.get(), link.name); }, "symlink", link.name);
  }
}

// gid 5 is "tty" everywhere; in a user namespace of few ids it does not exist.
Fd make_terminals(const Surroundings& surroundings) {
  FilesystemRequest request{
      .type = "devpts",
      .options = {{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}},
      .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
  if (surroundings.has_tty_group) {
    request.options.emplace_back("gid", "5");
  }
  return make_filesystem(request);
}

void mount_below(const Fd& mount, const Fd& dev, const char* name) {
  check([&] { return ::mkdirat(dev.get(), name, 0755); }, "mkdir", name);
  attach_at(mount, dev, name);
}

void mount_shared_memory(const SandboxSpec& spec, const Fd& dev) {
  Fd memory = make_filesystem({.type = "tmpfs",
                               .options = {{"mode", "1777"}, {"size", cat(spec.shm_size_bytes)}},
                               .attributes = kSystemData});
  mount_below(memory, dev, "shm");
}

// The step's own group, or groups.
void mount_groups(const Fd& sys, const std::vector<HostSys::Group>& groups) {
  std::optional<Fd> place = base::find_beneath(sys, "fs/cgroup", O_PATH | O_DIRECTORY);
  if (!groups.empty() && place) {
    attach_groups(*place, groups);
  }
}

std::vector<std::string> paths_below(const char* directory, std::span<const char* const> names) {
  std::vector<std::string> paths;
  for (const char* name : names) {
    paths.push_back(cat(directory, "/", name));
  }
  return paths;
}

}  // namespace

void make_proc(const Scratch& scratch, SystemMounts& mounts) {
  mounts.proc = make_filesystem({.type = "proc", .attributes = kSystemData});
  mount_below(mounts.proc, scratch.folder(), "proc");
  if (!scratch.is_sandboxed()) {
    return;
  }
  for (const char* path : kHiddenInProc) {
    hide(scratch, mounts.proc, path);
  }
  for (const char* path : kReadOnlyInProc) {
    make_read_only(mounts.proc, path);
  }
}

std::vector<std::string> hidden_paths() {
  std::vector<std::string> paths = paths_below("/proc", kHiddenInProc);
  std::vector<std::string> more = paths_below("/sys", kHiddenInSys);
  paths.insert(paths.end(), more.begin(), more.end());
  return paths;
}

std::vector<std::string> read_only_paths() {
  return paths_below("/proc", kReadOnlyInProc);
}

// A legacy hierarchy each has a folder of its own.
void attach_groups(const Fd& place, const std::vector<HostSys::Group>& groups) {
  if (groups.front().name.empty()) {
    attach(groups.front().mount, place, "/sys/fs/cgroup");
    return;
  }
  Fd folder =
      make_filesystem({.type = "tmpfs", .options = {{"mode", "0755"}}, .attributes = kSystemData});
  attach(folder, place, "/sys/fs/cgroup");
  for (const HostSys::Group& group : groups) {
    mount_below(group.mount, folder, group.name.c_str());
  }
}

HostSys clone_host_sys(const Surroundings& surroundings, NetworkMode network,
                       const std::vector<CgroupView>& views) {
  HostSys host;
  if (network != NetworkMode::kNone && surroundings.in_user_namespace) {
    host.sys =
        clone_mount(base::open_file("/sys", O_PATH | O_DIRECTORY), "/sys", Depth::kWithMountsBelow);
  }
  for (const CgroupView& view : views) {
    // A group that we can't see (a container may show another part of the tree) the step need not.
    Fd group(::open(view.host_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (group) {
      host.groups.push_back(
          {view.name, clone_mount(group, view.host_directory, Depth::kWithMountsBelow)});
    }
  }
  return host;
}

void make_sys(const Scratch& scratch, const HostSys& host, SystemMounts& mounts) {
  mounts.sys = host.sys ? host.sys.duplicate()
                        : make_filesystem({.type = "sysfs", .attributes = kSystemData});
  mount_below(mounts.sys, scratch.folder(), "sys");
  mount_groups(mounts.sys, host.groups);
  if (!scratch.is_sandboxed()) {
    return;
  }
  add_attributes(mounts.sys, kSystemData | MOUNT_ATTR_RDONLY, "/sys", Depth::kWithMountsBelow);
  for (const char* path : kHiddenInSys) {
    hide(scratch, mounts.sys, path);
  }
}

void make_dev(const Scratch& scratch, SystemMounts& mounts) {
  mounts.dev = make_filesystem({.type = "tmpfs",
                                .options = {{"mode", "0755"}, {"size", "65536k"}},
                                .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME});
  mount_below(mounts.dev, scratch.folder(), "dev");
  add_devices(scratch, mounts.dev);
  mounts.terminals = make_terminals(scratch.surroundings());
  mount_below(mounts.terminals, mounts.dev, "pts");
  if (scratch.surroundings().has_message_queues) {
    mount_below(make_filesystem({.type = "mqueue", .attributes = kSystemData}), mounts.dev,
                "mqueue");
  }
  if (scratch.no_devices() != 0) {
    add_attributes(mounts.dev, scratch.no_devices(), "/dev");
  }
}

void attach_proc(StepRoot& root, const SystemMounts& mounts) {
  attach(mounts.proc, root.points().ensure_plain_directory(ImagePath::clean("/proc")), "/proc");
}

void attach_sys(StepRoot& root, const SystemMounts& mounts) {
  attach(mounts.sys, root.points().ensure_plain_directory(ImagePath::clean("/sys")), "/sys");
}

void attach_dev(StepRoot& root, const SystemMounts& mounts) {
  attach(mounts.dev, root.points().ensure_plain_directory(ImagePath::clean("/dev")), "/dev");
  if (!root.has_mount_at(ImagePath::clean("/dev/shm"))) {
    mount_shared_memory(root.spec(), mounts.dev);
  }
}

}  // namespace slipway::builder
