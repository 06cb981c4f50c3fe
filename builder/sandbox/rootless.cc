#include "builder/sandbox/rootless.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/subordinate_ids.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::ErrorKind;
using base::Fd;

constexpr std::size_t kIdFileBytesMax = std::size_t{4} << 20;

std::string text_of_file(const std::string& path) {
  return base::find_file_content(path, kIdFileBytesMax).value_or("");
}

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? cat(uid) : std::string(found->pw_name);
}

// The fixed folders of system programs: these two are privileged, and $PATH is the user's.
std::optional<std::string> find_map_program(const char* name) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/", "/run/wrappers/bin/"}) {
    std::string path = cat(folder, name);
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return std::nullopt;
}

// How the ids will be mapped; `problem` says why there are no ranges.
struct IdPlan {
  std::uint64_t own_ids = 0;  // root maps so many of its ids to themselves, and needs no program
  std::string new_uid_map;
  std::string new_gid_map;
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
  std::string problem;
};

// Fewer than all, because a map of all ids to themselves looks like the machine's own namespace.
constexpr std::uint64_t kOwnIdsMax = std::uint64_t{1} << 31;

IdPlan plan_for_root() {
  IdPlan plan;
  plan.own_ids = std::min({count_mapped_ids(text_of_file("/proc/self/uid_map")),
                           count_mapped_ids(text_of_file("/proc/self/gid_map")), kOwnIdsMax});
  if (plan.own_ids <= 1) {
    plan.problem = "root has no other id here";
  }
  return plan;
}

IdPlan plan_for_user() {
  IdPlan plan;
  std::string name = user_name(::getuid());
  plan.uids = subordinate_ranges(text_of_file("/etc/subuid"), name, ::getuid());
  plan.gids = subordinate_ranges(text_of_file("/etc/subgid"), name, ::getuid());
  std::optional<std::string> uid_map = find_map_program("newuidmap");
  std::optional<std::string> gid_map = find_map_program("newgidmap");
  if (!uid_map || !gid_map) {
    plan.problem = "newuidmap and newgidmap are not installed (package uidmap)";
  } else if (plan.uids.empty() || plan.gids.empty()) {
    plan.problem = cat(name, " has no range in ", plan.uids.empty() ? "/etc/subuid" : "/etc/subgid",
                       " (root adds one with: usermod --add-subuids 100000-165535 "
                       "--add-subgids 100000-165535 ",
                       name, ")");
  } else {
    plan.new_uid_map = *uid_map;
    plan.new_gid_map = *gid_map;
  }
  return plan;
}

// What stands in a kernel setting, or nothing if the kernel has no such setting.
std::string setting(const std::string& name) {
  return std::string(base::trim(text_of_file(cat("/proc/sys/", name))));
}

[[noreturn]] void fail_without_namespaces(int error_number) {
  std::string message =
      cat("user namespaces cannot be used here: ", ::strerrordesc_np(error_number));
  std::string hint =
      "run as root, or in a container that permits the unshare system call (its seccomp and "
      "AppArmor profiles)";
  if (setting("kernel/unprivileged_userns_clone") == "0") {
    hint = "as root: sysctl kernel.unprivileged_userns_clone=1";
  } else if (setting("user/max_user_namespaces") == "0" || error_number == ENOSPC) {
    hint = "as root: sysctl user.max_user_namespaces=15000";
  } else if (setting("kernel/apparmor_restrict_unprivileged_userns") == "1") {
    hint = "as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  } else if (error_number == EINVAL) {
    hint = "this kernel was built without user namespaces: run as root";
  }
  base::fail(ErrorKind::kDenied, std::move(message), std::move(hint));
}

// A copy of us that stays outside: only there do newuidmap and newgidmap have their privileges. It
// waits until we are in the namespace, maps our ids, and says what went wrong, or nothing.
class Mapper {
 public:
  explicit Mapper(const IdPlan& plan) : start_(base::make_pipe()), answer_(base::make_pipe()) {
    pid_t ours = ::getpid();
    pid_ = check([] { return ::fork(); }, "fork", "id mapper");
    if (pid_ == 0) {
      start_.write_end.reset();
      answer_.read_end.reset();
      serve(plan, ours);
    }
    start_.read_end.reset();
    answer_.write_end.reset();
  }
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;
  // Without a start byte it ends at the closed pipe.
  ~Mapper() {
    start_.write_end.reset();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  std::string map() {
    base::write_all(start_.write_end, "s", "id mapper");
    return base::read_to_end(answer_.read_end, kIdFileBytesMax, "id mapper");
  }

 private:
  [[noreturn]] void serve(const IdPlan& plan, pid_t pid) {
    char byte = 0;
    if (::read(start_.read_end.get(), &byte, 1) == 1) {
      base::write_all(answer_.write_end, plan.own_ids != 0 ? map_own(plan, pid) : map(plan, pid),
                      "id mapper");
    }
    ::_exit(0);
  }

  static std::string map(const IdPlan& plan, pid_t pid) {
    std::string problem = run(plan.new_uid_map, pid, map_arguments(::getuid(), plan.uids));
    return problem.empty() ? run(plan.new_gid_map, pid, map_arguments(::getgid(), plan.gids))
                           : problem;
  }

  static std::string map_own(const IdPlan& plan, pid_t pid) {
    std::string text = cat("0 0 ", plan.own_ids, "\n");
    for (const char* name : {"uid_map", "gid_map"}) {
      std::string path = cat("/proc/", pid, "/", name);
      Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!file || ::write(file.get(), text.data(), text.size()) < 0) {
        return cat("writing ", name, " failed: ", ::strerrordesc_np(errno));
      }
    }
    return {};
  }

  static std::string run(const std::string& program, pid_t pid,
                         const std::vector<std::string>& arguments) {
    base::SpawnOptions options;
    options.argv = {program, cat(pid)};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    base::Output output = base::run_program(options);
    if (output.status.success()) {
      return {};
    }
    return cat(program, " failed (", output.status.text(), "): ", base::trim(output.err));
  }

  base::Pipe start_;
  base::Pipe answer_;
  pid_t pid_ = -1;
};

bool is_mapped(const char* file) {
  return count_mapped_ids(text_of_file(file)) != 0;
}

void write_map(const std::string& path, const std::string& text) {
  Fd file = base::open_file(path, O_WRONLY);
  base::write_all(file, text, path);
}

// What a process may map by itself: its own id, and only after it has given up setgroups.
void map_single_ids(uid_t uid, gid_t gid) {
  if (!is_mapped("/proc/self/uid_map")) {
    write_map("/proc/self/uid_map", cat("0 ", uid, " 1\n"));
  }
  if (!is_mapped("/proc/self/gid_map")) {
    write_map("/proc/self/setgroups", "deny");
    write_map("/proc/self/gid_map", cat("0 ", gid, " 1\n"));
  }
}

void become_root(bool may_set_groups) {
  if (may_set_groups) {
    check([] { return ::setgroups(0, nullptr); }, "setgroups");
  }
  check([] { return ::setresgid(0, 0, 0); }, "setresgid", "0");
  check([] { return ::setresuid(0, 0, 0); }, "setresuid", "0");
  // Ubuntu lets anyone into a user namespace but gives them no privilege there; a mount shows it.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    fail_without_namespaces(errno);
  }
}

UserNamespace look_around(Privilege privilege) {
  UserNamespace result;
  result.privilege = privilege;
  result.uids = count_mapped_ids(text_of_file("/proc/self/uid_map"));
  result.gids = count_mapped_ids(text_of_file("/proc/self/gid_map"));
  return result;
}

// Whether such namespaces can be had, and mounts in them. Tried in a copy: there is no way back.
bool can_mount_in(int namespaces) {
  pid_t pid = check([] { return ::fork(); }, "fork", "namespaces");
  if (pid == 0) {
    bool works = ::unshare(namespaces) == 0 &&
                 ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
    ::_exit(works ? 0 : 1);
  }
  int status = 0;
  check([&] { return ::waitpid(pid, &status, 0); }, "waitpid", "namespaces");
  return status == 0;
}

// Filters of system calls and security modules take from root what its capabilities give it. Where
// there is neither, which is quick to see, nothing need be tried.
bool may_be_confined() {
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0) {
    return true;
  }
  // The kernel has no text for it (EINVAL) where no module labels processes.
  std::array<char, 256> label{};
  Fd file(::open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC));
  ssize_t size = file ? ::read(file.get(), label.data(), label.size()) : 0;
  return size > 0 &&
         !std::string_view(label.data(), static_cast<std::size_t>(size)).starts_with("unconfined");
}

// Root that can't make namespaces of root: why not, else empty.
std::string why_no_namespaces_of_root() {
  if ((permitted_capabilities() >> CAP_SYS_ADMIN & 1) == 0) {
    return "root has no CAP_SYS_ADMIN here";
  }
  if (may_be_confined() && !can_mount_in(CLONE_NEWNS)) {
    return "root may not mount here, in spite of CAP_SYS_ADMIN: a filter of system calls or a "
           "security module (AppArmor, SELinux) forbids it";
  }
  return {};
}

IdPlan plan_for(Isolation wanted) {
  if (wanted != Isolation::kOneId) {
    return ::geteuid() == 0 ? plan_for_root() : plan_for_user();
  }
  IdPlan plan;
  plan.problem = "it was asked for";
  return plan;
}

[[noreturn]] void fail_without_range(const std::string& problem) {
  base::fail(ErrorKind::kDenied, cat("isolation sub-ids: ", problem),
             "mend that, or use one-id, which records owners instead");
}

// Without namespaces the copies of layers in which steps run need all that root may do with files.
UserNamespace stay_with_chroot(Isolation wanted) {
  UserNamespace result = look_around(Privilege::kRoot);
  std::uint64_t permitted = permitted_capabilities();
  std::vector<std::string> missing;
  constexpr std::pair<int, std::string_view> kNeeded[] = {{CAP_CHOWN, "CHOWN"},
                                                          {CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
                                                          {CAP_FOWNER, "FOWNER"},
                                                          {CAP_FSETID, "FSETID"},
                                                          {CAP_SETGID, "SETGID"},
                                                          {CAP_SETUID, "SETUID"},
                                                          {CAP_SETPCAP, "SETPCAP"},
                                                          {CAP_SETFCAP, "SETFCAP"},
                                                          {CAP_SYS_CHROOT, "SYS_CHROOT"},
                                                          {CAP_MKNOD, "MKNOD"},
                                                          {CAP_KILL, "KILL"}};
  for (const auto& [number, name] : kNeeded) {
    if ((permitted >> number & 1) == 0) {
      missing.emplace_back(name);
    }
  }
  if (::geteuid() == 0 && missing.empty() && !result.has_one_id()) {
    result.only_chroot = true;
    return result;
  }
  if (wanted == Isolation::kAuto) {
    return result;
  }
  std::string what = ::geteuid() != 0  ? cat("this is the user ", ::geteuid())
                     : missing.empty() ? std::string("there is only one id")
                                       : cat("root lacks ", base::join(missing, ", "));
  base::fail(ErrorKind::kDenied, cat("isolation chroot: ", what),
             "run as root of a container with the usual capabilities, or where user namespaces are "
             "permitted");
}

UserNamespace enter(Isolation wanted) {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  IdPlan plan = plan_for(wanted);
  bool wants_range = wanted == Isolation::kSubordinateIds;
  if (wants_range && !plan.problem.empty()) {
    fail_without_range(plan.problem);
  }
  // newuidmap looks at the owner of /proc/<pid>, which is root for a process that is not dumpable.
  check([] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }, "prctl PR_SET_DUMPABLE");
  std::optional<Mapper> mapper;
  if (plan.problem.empty()) {
    mapper.emplace(plan);
  }
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    fail_without_namespaces(errno);
  }
  if (mapper) {
    plan.problem = mapper->map();
    // Then set-user-id programs are like others, which their own messages don't say.
    if (!plan.problem.empty() && plan.own_ids == 0 &&
        ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
      plan.problem =
          "newuidmap gets no privileges here: no_new_privs is set (in Kubernetes by "
          "allowPrivilegeEscalation: false)";
    }
  }
  if (!plan.problem.empty()) {
    if (wants_range) {
      fail_without_range(plan.problem);
    }
    map_single_ids(uid, gid);
  }
  become_root(plan.problem.empty());
  UserNamespace result =
      look_around(plan.problem.empty() ? Privilege::kSubordinateIds : Privilege::kSingleId);
  result.maps_own_ids = plan.own_ids != 0 && plan.problem.empty();
  if (!plan.problem.empty() && wanted != Isolation::kOneId) {
    result.reason = cat("because ", plan.problem);
    result.notice = cat("files can belong to one user only, because ", plan.problem);
  }
  return result;
}

}  // namespace

UserNamespace enter_user_namespace(Isolation wanted) {
  bool is_root = ::geteuid() == 0;
  if (wanted == Isolation::kRoot && !is_root) {
    base::fail(ErrorKind::kDenied, cat("isolation root: this is the user ", ::geteuid()),
               "run as root, or leave the choice to slipway");
  }
  // Somebody has put us where there is no more than that.
  if (wanted == Isolation::kOneId && is_root && look_around(Privilege::kRoot).has_one_id()) {
    wanted = Isolation::kAuto;
  }
  if (wanted == Isolation::kChroot) {
    return stay_with_chroot(wanted);
  }
  if (is_root && (wanted == Isolation::kAuto || wanted == Isolation::kRoot)) {
    std::string problem = why_no_namespaces_of_root();
    if (problem.empty()) {
      return look_around(Privilege::kRoot);
    }
    if (wanted == Isolation::kRoot) {
      base::fail(ErrorKind::kDenied, cat("isolation root: ", problem),
                 "give the container that right, or leave the choice to slipway");
    }
  }
  if (is_root && wanted == Isolation::kAuto && !can_mount_in(CLONE_NEWUSER | CLONE_NEWNS)) {
    // Without the capabilities for that, too, images can be had and handed on without steps; a step
    // says what it lacks.
    UserNamespace result = stay_with_chroot(wanted);
    result.reason = "root may not mount here, and user namespaces are forbidden";
    return result;
  }
  UserNamespace result = enter(wanted);
  if (is_root && wanted == Isolation::kAuto) {
    result.reason =
        cat("root may not mount here", result.reason.empty() ? "" : "; ", result.reason);
  }
  return result;
}

bool in_user_namespace() {
  constexpr ino_t kFirstUserNamespace = 0xEFFFFFFD;  // fixed in the kernel (PROC_USER_INIT_INO)
  struct stat status{};
  check([&] { return ::stat("/proc/self/ns/user", &status); }, "stat", "/proc/self/ns/user");
  return status.st_ino != kFirstUserNamespace;
}

}  // namespace slipway::builder
