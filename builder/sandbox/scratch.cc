#include "builder/sandbox/scratch.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/subordinate_ids.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

bool has_filesystem(const char* type) {
  return static_cast<bool>(Fd(::fsopen(type, FSOPEN_CLOEXEC)));
}

bool lies_below(const OciRuntime& runtime, const char* directory) {
  return ImagePath::clean(directory).contains(ImagePath::clean(runtime.program)) ||
         std::ranges::any_of(runtime.hooks, [&](const OciHook& hook) {
           return ImagePath::clean(directory).contains(ImagePath::clean(hook.path));
         });
}

std::string place_for(const OciRuntime& runtime) {
  for (const char* path : {"/mnt", "/media", "/srv", "/tmp"}) {
    if (!lies_below(runtime, path) && Fd(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC))) {
      return path;
    }
  }
  throw base::system_error(errno, "open", "/mnt, /media, /srv and /tmp");
}

}  // namespace

Surroundings find_surroundings() {
  constexpr gid_t kTtyGroup = 5;
  std::string groups = base::find_file_content("/proc/self/gid_map", 1 << 16).value_or("");
  std::string users = base::find_file_content("/proc/self/uid_map", 1 << 16).value_or("");
  bool has_one_id = count_mapped_ids(users) == 1 || count_mapped_ids(groups) == 1;
  return {.in_user_namespace = in_user_namespace(),
          .has_tty_group = count_mapped_ids(groups) > kTtyGroup,
          .has_message_queues = has_filesystem("mqueue"),
          .may_set_groups = base::find_file_content("/proc/self/setgroups", 64) != "deny\n",
          .has_one_id = has_one_id};
}

Scratch::Scratch(const Surroundings& surroundings, SecurityMode security)
    : surroundings_(surroundings),
      security_(security),
      folder_(make_filesystem(
          {.type = "tmpfs", .options = {{"mode", "0755"}}, .attributes = MOUNT_ATTR_NOSUID})) {
  make_devices();
  for (const char* name : {"root", "empty", "nothing", "upper", "work", "stubs"}) {
    check([&] { return ::mkdirat(folder_.get(), name, 0755); }, "mkdir", name);
  }
}

void Scratch::attach_to_root() {
  attach_to("/");
}

// What lies on top of the root would be all that is unmounted in its place (mount_api.h,
// pivot_into), and keep the host's root there.
void Scratch::leave_root() {
  for (const char* path : {"/sys", "/tmp", "/mnt"}) {
    if (Fd place{::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)}) {
      attach(folder_, place, "scratch");
      return;
    }
  }
  throw base::system_error(errno, "open", "/sys, /tmp and /mnt");
}

void Scratch::attach_for(const OciRuntime& runtime) {
  path_ = place_for(runtime);
  attach_to(path_);
}

void Scratch::attach_to(const std::string& path) {
  attach(folder_, base::open_file(path, O_PATH | O_DIRECTORY), "scratch");
}

// In a user namespace nodes can't be made (or not be used); then the host's are bound, whose owner
// and mode nobody in the step can change because they belong to no id that it has. As root private
// nodes are made: with a bound one, `chmod /dev/null` would reach the host.
void Scratch::make_devices() {
  own_devices_ = true;
  for (const DeviceNode& device : kDevices) {
    if (::mknodat(folder_.get(), device.name, S_IFCHR | 0666,
                  makedev(device.major_number, device.minor_number)) == 0) {
      continue;
    }
    if (errno != EPERM) {
      throw base::system_error(errno, "mknod", device.name);
    }
    own_devices_ = false;
    break;
  }
  if (own_devices_ && !surroundings_.in_user_namespace) {
    return;
  }
  own_devices_ = false;
  for (const DeviceNode& device : kDevices) {
    host_devices_.push_back(base::open_file(cat("/dev/", device.name), O_PATH | O_NOFOLLOW));
  }
}

Fd Scratch::make_file(const std::string& name, std::string_view content, mode_t mode) const {
  Fd file = base::open_at(folder_, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::write_all(file, content, name);
  check([&] { return ::fchmod(file.get(), mode); }, "fchmod", name);
  return file;
}

std::uint64_t Scratch::no_devices() const {
  return is_sandboxed() ? MOUNT_ATTR_NODEV : 0;
}

Fd Scratch::clone_empty_directory() const {
  return clone_mount_at(folder_, "empty");
}

Fd Scratch::clone_device(const char* name) const {
  if (own_devices_) {
    return clone_mount_at(folder_, name);
  }
  for (std::size_t index = 0; index < std::size(kDevices); ++index) {
    if (std::string_view(kDevices[index].name) == name) {
      return clone_mount(host_devices_[index], name);
    }
  }
  base::fail(base::ErrorKind::kInternal, cat("no device named ", name));
}

}  // namespace slipway::builder
