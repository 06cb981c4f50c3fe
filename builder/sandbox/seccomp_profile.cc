// The table of the default profile. The names are those of Docker's default profile; a name that
// belongs to another architecture does no harm.
#include <linux/capability.h>

#include <cerrno>
#include <string_view>

#include "base/text.h"
#include "builder/sandbox/seccomp_filter.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kFiles =
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fchdir fchmod fchmodat "
    "fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock "
    "fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 "
    "futimesat getcwd getdents getdents64 getxattr getxattrat ioctl lchown lchown32 lgetxattr link "
    "linkat listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat "
    "lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe "
    "pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat "
    "readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr "
    "setxattrat splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync "
    "sync_file_range sync_file_range2 arm_sync_file_range syncfs tee truncate truncate64 umask "
    "unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev";

constexpr std::string_view kEvents =
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
    "io_setup "
    "io_submit _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd "
    "signalfd4";

constexpr std::string_view kMemory =
    "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock "
    "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
    "pkey_free pkey_mprotect process_mrelease remap_file_pages";

constexpr std::string_view kProcesses =
    "capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 "
    "futex_wait "
    "futex_waitv futex_wake getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
    "getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid "
    "getresuid32 getrlimit get_robust_list getrusage getsid get_thread_area gettid getuid getuid32 "
    "ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self "
    "pause pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace "
    "restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
    "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity "
    "sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32 setfsuid setfsuid32 "
    "setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid "
    "set_thread_area set_tid_address setuid setuid32 sigaltstack sigprocmask sigreturn tgkill "
    "tkill "
    "ugetrlimit uretprobe vfork wait4 waitid waitpid";

constexpr std::string_view kTime =
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
    "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime "
    "timerfd_settime64 times";

constexpr std::string_view kCommunication =
    "accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr "
    "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
    "mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg recvmmsg_time64 recvmsg semctl "
    "semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat "
    "shmctl "
    "shmdt shmget shutdown socketcall socketpair";

constexpr std::string_view kMachine =
    "getrandom sysinfo uname arch_prctl modify_ldt breakpoint cacheflush set_tls "
    "riscv_flush_icache";

struct CapabilityRule {
  int capability;
  std::string_view names;
};
constexpr CapabilityRule kCapabilityRules[] = {
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_SYS_ADMIN,
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
     "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
     "sethostname setns syslog umount umount2 unshare"},
    {CAP_SYS_BOOT, "reboot"},
    {CAP_SYS_CHROOT, "chroot"},
    {CAP_SYS_MODULE, "delete_module init_module finit_module"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "iopl ioperm"},
    {CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
    {CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {CAP_SYSLOG, "syslog"},
    {CAP_BPF, "bpf"},
    {CAP_PERFMON, "perf_event_open"},
};

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view name : base::split(text, ' ')) {
    names.emplace_back(name);
  }
  return names;
}

// New namespaces: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr std::uint64_t kNamespaceFlags = 0x7E020000;
constexpr std::uint64_t kVsockFamily = 40;
// What `personality` may be set to: the normal one, 32-bit addresses and without randomisation
// (debuggers), and asking for it.
constexpr std::uint64_t kPersonalities[] = {0x0, 0x0008, 0x20000, 0x20008, 0xffffffff};

void add_conditional_rules(SeccompProfile& profile, bool may_make_namespaces) {
  using Compare = SeccompCondition::Compare;
  for (std::uint64_t personality : kPersonalities) {
    profile.rules.push_back({{"personality"}, 0, {{0, Compare::kEqual, personality}}});
  }
  profile.rules.push_back({{"socket"}, 0, {{0, Compare::kNotEqual, kVsockFamily}}});
  if (!may_make_namespaces) {
    profile.rules.push_back({{"clone"}, 0, {{0, Compare::kMaskedEqual, 0, kNamespaceFlags}}});
    profile.rules.push_back({{"clone3"}, ENOSYS, {}});
  }
}

}  // namespace

SeccompProfile default_seccomp_profile(std::uint64_t capabilities) {
  SeccompProfile profile;
  for (std::string_view names :
       {kFiles, kEvents, kMemory, kProcesses, kTime, kCommunication, kMachine}) {
    profile.rules.push_back({names_of(names), 0, {}});
  }
  auto has = [&](int capability) { return (capabilities >> capability & 1) != 0; };
  for (const CapabilityRule& rule : kCapabilityRules) {
    if (has(rule.capability)) {
      profile.rules.push_back({names_of(rule.names), 0, {}});
    }
  }
  add_conditional_rules(profile, has(CAP_SYS_ADMIN));
  return profile;
}

}  // namespace slipway::builder
