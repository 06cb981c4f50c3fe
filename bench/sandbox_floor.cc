#include "sandbox_floor.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <span>
#include <tuple>
#include <utility>

#include "base/fd.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/seccomp_filter.h"

namespace slipway::bench {

namespace {

constexpr unsigned kSystemData = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr std::size_t kStackBytes = 256 * 1024;

// As the sandbox has them (system_mounts.cc), without those that this kernel lacks.
constexpr const char* kHidden[] = {"acpi",       "asound",        "interrupts", "kcore",
                                   "keys",       "latency_stats", "scsi",       "sched_debug",
                                   "timer_list", "timer_stats"};
constexpr const char* kReadOnly[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
constexpr std::pair<const char*, const char*> kLinks[] = {
    {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
    {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},         {"/proc/kcore", "core"}};

int must(long result, const char* call) {
  if (result < 0) {
    std::perror(call);
    ::_exit(1);
  }
  return static_cast<int>(result);
}

struct Option {
  const char* key;
  const char* value;  // null: a flag
};
int new_mount(const char* type, std::span<const Option> options, unsigned attributes) {
  int context = must(::fsopen(type, FSOPEN_CLOEXEC), type);
  for (const Option& option : options) {
    must(::fsconfig(context, option.value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                    option.key, option.value, 0),
         option.key);
  }
  must(::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), type);
  return must(::fsmount(context, FSMOUNT_CLOEXEC, attributes), "fsmount");
}

int clone_tree(int directory, const char* name, unsigned flags = 0) {
  return must(::open_tree(directory, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags), name);
}

void attach(int mount, int directory, const char* name) {
  must(::move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH), name);
}

void set_attributes(int mount, std::uint64_t attributes, unsigned flags = 0) {
  mount_attr change{};
  change.attr_set = attributes;
  must(::mount_setattr(mount, "", AT_EMPTY_PATH | flags, &change, sizeof change), "mount_setattr");
}

// One step, in the order of its functions' first use.
class Floor {
 public:
  Floor(const FloorSurroundings& surroundings, const FloorStep& step)
      : surroundings_(surroundings), step_(step) {}

  [[noreturn]] void become_command() {
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make private");
    clone_host();
    make_scratch();
    mount_root();
    mount_proc();
    if (step_.has_own_network) {
      bring_up_loopback();
    }
    mount_sys();
    mount_dev();
    mount_text("hosts", "127.0.0.1 localhost\n");
    mount_text("resolv.conf", "nameserver 192.0.2.1\n");
    builder::pivot_into(base::Fd(root_));
    must(::sethostname("bench", 5), "sethostname");
    drop_privileges();
    char name[] = "/true";
    char* arguments[] = {name, nullptr};
    must(::execve(name, arguments, arguments + 1), "execve");
    ::_exit(1);
  }

 private:
  bool in_user_namespace() const { return surroundings_.of_steps.in_user_namespace; }

  void clone_host() {
    if (in_user_namespace() && !step_.has_own_network) {
      sys_ = clone_tree(AT_FDCWD, "/sys", AT_RECURSIVE);
    }
    for (std::size_t index = 0; index < surroundings_.groups.size(); ++index) {
      groups_[index] =
          clone_tree(AT_FDCWD, surroundings_.groups[index].host_directory.c_str(), AT_RECURSIVE);
    }
  }

  // What no layer has: device nodes (those of /dev itself can't be opened), covers, texts.
  void make_scratch() {
    Option options[] = {{"mode", "0755"}};
    scratch_ = new_mount("tmpfs", options, MOUNT_ATTR_NOSUID);
    must(::mkdirat(scratch_, "empty", 0555), "mkdir");
    for (std::size_t index = 0; index < std::size(builder::kDevices); ++index) {
      const builder::DeviceNode& device = builder::kDevices[index];
      if (in_user_namespace()) {
        host_devices_[index] = must(::openat(dev_of_host(), device.name, O_PATH), device.name);
      } else {
        must(::mknodat(scratch_, device.name, S_IFCHR | 0666,
                       makedev(device.major_number, device.minor_number)),
             device.name);
      }
    }
  }

  int dev_of_host() {
    if (dev_of_host_ < 0) {
      dev_of_host_ = must(::open("/dev", O_PATH | O_CLOEXEC), "/dev");
    }
    return dev_of_host_;
  }

  // Attached where nothing is looked up any more.
  void mount_root() {
    int context = must(::fsopen("overlay", FSOPEN_CLOEXEC), "overlay");
    auto set = [&](const char* key, const std::string& value) {
      must(::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0), key);
    };
    for (std::size_t index = step_.lowers.size(); index-- > 0;) {
      set("lowerdir+", step_.lowers[index]);
    }
    set("upperdir", step_.upper);
    set("workdir", step_.work);
    must(::fsconfig(context, FSCONFIG_SET_FLAG, "volatile", nullptr, 0), "volatile");
    if (in_user_namespace()) {
      must(::fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", nullptr, 0), "userxattr");
    } else {
      set("redirect_dir", "nofollow");
      set("metacopy", "off");
      set("index", "off");
    }
    must(::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "overlay");
    root_ = must(::fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV), "fsmount");
    attach(scratch_, AT_FDCWD, "/mnt");
    attach(root_, scratch_, "empty");
    must(::mkdirat(scratch_, "cover", 0555), "mkdir");
  }

  int clone_device(std::size_t index) {
    return in_user_namespace() ? clone_tree(host_devices_[index], "", AT_EMPTY_PATH)
                               : clone_tree(scratch_, builder::kDevices[index].name);
  }

  void hide(int mount, const char* name) {
    struct stat status{};
    if (::fstatat(mount, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    if (!S_ISDIR(status.st_mode)) {
      attach(clone_device(0), mount, name);
      return;
    }
    int cover = clone_tree(scratch_, "cover");
    set_attributes(cover, kSystemData | MOUNT_ATTR_RDONLY);
    attach(cover, mount, name);
  }

  void mount_proc() {
    int proc = new_mount("proc", {}, kSystemData);
    attach(proc, root_, "proc");
    for (const char* name : kHidden) {
      hide(proc, name);
    }
    for (const char* name : kReadOnly) {
      int cover = ::open_tree(proc, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
      if (cover >= 0) {
        set_attributes(cover, kSystemData | MOUNT_ATTR_RDONLY, AT_RECURSIVE);
        attach(cover, proc, name);
      }
    }
  }

  static void bring_up_loopback() {
    int socket = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    must(::ioctl(socket, SIOCSIFFLAGS, &request), "lo");
  }

  void mount_sys() {
    int sys = sys_ >= 0 ? sys_ : new_mount("sysfs", {}, kSystemData);
    attach(sys, root_, "sys");
    mount_groups(sys);
    set_attributes(sys, kSystemData | MOUNT_ATTR_RDONLY, AT_RECURSIVE);
    hide(sys, "firmware");
    hide(sys, "devices/virtual/powercap");
  }

  void mount_groups(int sys) {
    const std::vector<builder::CgroupView>& groups = surroundings_.groups;
    if (groups.empty()) {
      return;
    }
    if (groups.front().name.empty()) {
      attach(groups_[0], sys, "fs/cgroup");
      return;
    }
    Option options[] = {{"mode", "0755"}};
    int folder = new_mount("tmpfs", options, kSystemData);
    attach(folder, sys, "fs/cgroup");
    for (std::size_t index = 0; index < groups.size(); ++index) {
      must(::mkdirat(folder, groups[index].name.c_str(), 0755), "mkdir");
      attach(groups_[index], folder, groups[index].name.c_str());
    }
  }

  void mount_dev() {
    Option options[] = {{"mode", "0755"}, {"size", "65536k"}};
    int dev =
        new_mount("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_STRICTATIME);
    attach(dev, root_, "dev");
    for (std::size_t index = 0; index < std::size(builder::kDevices); ++index) {
      const char* name = builder::kDevices[index].name;
      must(::mknodat(dev, name, S_IFREG | 0644, 0), name);
      attach(clone_device(index), dev, name);
    }
    for (const auto& [target, name] : kLinks) {
      must(::symlinkat(target, dev, name), name);
    }
    Option terminals[] = {
        {"newinstance", nullptr}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}};
    mount_below(
        new_mount("devpts", std::span(terminals, surroundings_.of_steps.has_tty_group ? 4 : 3),
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
        dev, "pts");
    if (surroundings_.of_steps.has_message_queues) {
      mount_below(new_mount("mqueue", {}, kSystemData), dev, "mqueue");
    }
    Option memory[] = {{"mode", "1777"}, {"size", "65536k"}};
    mount_below(new_mount("tmpfs", memory, kSystemData), dev, "shm");
  }

  static void mount_below(int mount, int dev, const char* name) {
    must(::mkdirat(dev, name, 0755), name);
    attach(mount, dev, name);
  }

  void mount_text(const char* name, std::string_view text) {
    int file = must(::openat(scratch_, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), name);
    must(::write(file, text.data(), text.size()), "write");
    must(::close(file), "close");
    int mount = clone_tree(scratch_, name);
    set_attributes(mount, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    attach(mount, root_, (std::string("etc/") + name).c_str());
  }

  void drop_privileges() const {
    must(::setsid(), "setsid");
    ::umask(022);
    std::ignore = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);  // or no keys at all
    builder::limit_bounding_set(builder::kDefaultCapabilities);
    builder::set_capabilities(builder::kDefaultCapabilities | std::uint64_t{1} << CAP_SYS_ADMIN);
    sock_fprog program{
        static_cast<unsigned short>(surroundings_.filter.size() / sizeof(sock_filter)),
        reinterpret_cast<sock_filter*>(const_cast<char*>(surroundings_.filter.data()))};
    must(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
    builder::set_capabilities(builder::kDefaultCapabilities);
  }

  const FloorSurroundings& surroundings_;
  const FloorStep& step_;
  int dev_of_host_ = -1;
  int sys_ = -1;
  int scratch_ = -1;
  int root_ = -1;
  std::array<int, std::size(builder::kDevices)> host_devices_{};
  std::array<int, 32> groups_{};
};

int floor_entry(void* argument) {
  static_cast<Floor*>(argument)->become_command();
}

}  // namespace

FloorSurroundings find_floor_surroundings() {
  builder::MadeCgroup made = builder::make_step_cgroup(builder::find_cgroups(), {}, "floor");
  return {
      builder::find_surroundings(), made.group.views(),
      builder::compile_seccomp(builder::default_seccomp_profile(builder::kDefaultCapabilities))};
}

void run_floor_step(const FloorSurroundings& surroundings, const FloorStep& step) {
  static std::array<char, kStackBytes> stack;
  Floor floor(surroundings, step);
  int flags = CLONE_VM | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
              CLONE_NEWCGROUP | (step.has_own_network ? CLONE_NEWNET : 0) | SIGCHLD;
  pid_t pid = must(::clone(floor_entry, stack.data() + stack.size(), flags, &floor), "clone");
  int status = 0;
  must(::waitpid(pid, &status, 0), "waitpid");
  if (status != 0) {
    std::fprintf(stderr, "the floor's step failed\n");
    ::_exit(1);
  }
}

}  // namespace slipway::bench
