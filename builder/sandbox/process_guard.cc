#include "builder/sandbox/process_guard.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::Fd;

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view name : base::split(text, ' ')) {
    names.emplace_back(name);
  }
  return names;
}

constexpr std::string_view kRefused =
    "chroot pivot_root mount umount umount2 move_mount open_tree fsopen fsconfig fsmount fspick "
    "mount_setattr unshare setns open_by_handle_at ptrace process_vm_readv process_vm_writev kcmp "
    "pidfd_getfd process_madvise process_mrelease migrate_pages move_pages bpf perf_event_open "
    "userfaultfd add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register";
// Programs do without these.
constexpr std::string_view kAbsent = "pidfd_send_signal clone3";
constexpr std::string_view kAsked =
    "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo setpriority ioprio_set";
// Process 0 is the caller.
constexpr std::string_view kAskedOfOthers =
    "prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr";

// New namespaces: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr std::uint64_t kNamespaceFlags[] = {0x00000080, 0x00020000, 0x02000000, 0x04000000,
                                             0x08000000, 0x10000000, 0x20000000, 0x40000000};
// Who gets a descriptor's signals, which the kernel sends with the rights of whoever set it.
constexpr std::uint64_t kOwnerCommands[] = {8 /*F_SETOWN*/, 15 /*F_SETOWN_EX*/};
constexpr std::uint64_t kOwnerRequests[] = {0x8901 /*FIOSETOWN*/, 0x8902 /*SIOCSPGRP*/};
// The kernel looks at these bits only, whatever the others are.
constexpr std::uint64_t kLowHalf = 0xFFFFFFFF;

// As kill(2) has it.
bool may_signal(const ProcessStatus& sender, const ProcessStatus& target, int number) {
  if ((sender.capabilities >> CAP_KILL & 1) != 0) {
    return true;
  }
  for (std::uint32_t user : {sender.real_user, sender.effective_user}) {
    if (user == target.real_user || user == target.saved_user) {
      return true;
    }
  }
  return number == SIGCONT && sender.session == target.session;
}

}  // namespace

SeccompProfile process_guard_profile() {
  using Compare = SeccompCondition::Compare;
  SeccompProfile profile{.default_error_number = 0, .rules = {}};
  profile.rules.push_back({names_of(kRefused), EPERM, {}});
  profile.rules.push_back({names_of(kAbsent), ENOSYS, {}});
  profile.rules.push_back({names_of(kAsked), 0, {}, SeccompAnswer::kAsk});
  profile.rules.push_back(
      {names_of(kAskedOfOthers), 0, {{0, Compare::kNotEqual, 0}}, SeccompAnswer::kAsk});
  for (std::uint64_t flag : kNamespaceFlags) {
    profile.rules.push_back({{"clone"}, EPERM, {{0, Compare::kMaskedEqual, flag, flag}}});
  }
  for (std::uint64_t command : kOwnerCommands) {
    profile.rules.push_back(
        {{"fcntl", "fcntl64"}, EPERM, {{1, Compare::kMaskedEqual, command, kLowHalf}}});
  }
  for (std::uint64_t request : kOwnerRequests) {
    profile.rules.push_back({{"ioctl"}, EPERM, {{1, Compare::kMaskedEqual, request, kLowHalf}}});
  }
  return profile;
}

ProcessGuard::ProcessGuard(Fd listener, const Fd& proc)
    : listener_(std::move(listener)), proc_(proc) {
  seccomp_notif_sizes sizes{};
  base::check([&] { return ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes); }, "seccomp",
              "sizes");
  request_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
  response_.resize(std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
  add_call("kill", Kind::kKill);
  add_call("tkill", Kind::kThread);
  add_call("tgkill", Kind::kThreadOf);
  add_call("rt_sigqueueinfo", Kind::kQueue);
  add_call("rt_tgsigqueueinfo", Kind::kQueue);
  add_call("setpriority", Kind::kPriority);
  add_call("ioprio_set", Kind::kInputPriority);
  for (const std::string& name : names_of(kAskedOfOthers)) {
    add_call(name, Kind::kOneself);
  }
}

void ProcessGuard::add_call(const std::string& name, Kind kind) {
  for (const SeccompNumber& number : seccomp_numbers(name)) {
    calls_[{number.architecture, number.number}] = kind;
  }
}

void ProcessGuard::answer() {
  std::ranges::fill(request_, 0);
  std::ranges::fill(response_, 0);
  auto* request = reinterpret_cast<seccomp_notif*>(request_.data());
  auto* response = reinterpret_cast<seccomp_notif_resp*>(response_.data());
  // ENOENT: whoever made the call is gone, or was interrupted. It need not hear of it.
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request) != 0) {
    return;
  }
  response->id = request->id;
  Answer answer = handle(*request);
  response->error = -answer.error;
  response->flags = answer.goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
  ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, response);
}

ProcessGuard::Answer ProcessGuard::handle(const seccomp_notif& request) const {
  auto found = calls_.find({request.data.arch, static_cast<std::uint32_t>(request.data.nr)});
  auto thread = static_cast<pid_t>(request.pid);
  std::optional<ProcessStatus> sender = find_process(proc_, thread);
  if (found == calls_.end() || !sender) {
    return {ENOSYS};
  }
  auto argument = [&](int index) { return static_cast<std::int32_t>(request.data.args[index]); };
  switch (found->second) {
    case Kind::kKill:
      return kill(*sender, argument(0), argument(1));
    case Kind::kThread:
      return kill_thread(*sender, thread, 0, argument(0), argument(1));
    case Kind::kThreadOf:
      return kill_thread(*sender, thread, argument(0), argument(1), argument(2));
    case Kind::kQueue:
      return argument(0) == sender->process ? Answer{0, true} : Answer{EPERM};
    case Kind::kOneself:
      return for_oneself(*sender, argument(0));
    case Kind::kPriority:
      return argument(0) == PRIO_PROCESS ? for_oneself(*sender, argument(1)) : Answer{EPERM};
    case Kind::kInputPriority:
      return argument(0) == IOPRIO_WHO_PROCESS ? for_oneself(*sender, argument(1)) : Answer{EPERM};
  }
  return {ENOSYS};
}

// A process that waits for the answer keeps its number, its threads' and its group's.
ProcessGuard::Answer ProcessGuard::for_oneself(const ProcessStatus& sender, pid_t target) const {
  if (target == 0 || target == sender.process) {
    return {0, true};
  }
  std::optional<ProcessStatus> found = target > 0 ? find_process(proc_, target) : std::nullopt;
  return found && found->process == sender.process ? Answer{0, true} : Answer{EPERM};
}

ProcessGuard::Answer ProcessGuard::kill(const ProcessStatus& sender, pid_t target,
                                        int number) const {
  if (target == 0 || target == sender.process || target == -sender.group) {
    return {0, true};
  }
  if (target < 0) {
    return kill_many(sender, target, number);
  }
  return {kill_one(sender, target, number)};
}

ProcessGuard::Answer ProcessGuard::kill_thread(const ProcessStatus& sender, pid_t sender_thread,
                                               pid_t process, pid_t thread, int number) const {
  if (process == sender.process || thread == sender_thread) {
    return {0, true};
  }
  std::optional<ProcessStatus> found = thread > 0 ? find_process(proc_, thread) : std::nullopt;
  if (!found || (process != 0 && found->process != process)) {
    return {ESRCH};
  }
  bool is_own = found->process == sender.process;
  if (!is_own && !descends_from(proc_, found->process, ::getpid())) {
    return {EPERM};
  }
  if (!is_own && !may_signal(sender, *found, number)) {
    return {EPERM};
  }
  return {::syscall(SYS_tgkill, found->process, thread, number) == 0 ? 0 : errno};
}

// -1 is all but the sender, any other a group.
ProcessGuard::Answer ProcessGuard::kill_many(const ProcessStatus& sender, pid_t target,
                                             int number) const {
  int error = ESRCH;
  for (const auto& [process, status] : descendants_of(proc_, ::getpid())) {
    bool is_meant = target == -1 ? process != sender.process : status.group == -target;
    if (!is_meant) {
      continue;
    }
    int one = kill_one(sender, process, number);
    error = error == 0 || one == 0 ? 0 : one;
  }
  return {error};
}

// 0 or an errno. The descriptor first: what is then found under the number is what it is of, or
// that has ended, and then nothing is sent.
int ProcessGuard::kill_one(const ProcessStatus& sender, pid_t target, int number) const {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, target, 0)));
  if (!process) {
    return ESRCH;
  }
  std::optional<ProcessStatus> found = find_process(proc_, target);
  if (!found) {
    return ESRCH;
  }
  if (!descends_from(proc_, target, ::getpid()) || !may_signal(sender, *found, number)) {
    return EPERM;
  }
  return ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0 ? 0 : errno;
}

}  // namespace slipway::builder
