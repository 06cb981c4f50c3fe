/* A program for inside a step: tries what a step must not be able to do, one thing after the other, and prints a line
   for each that worked. Linked statically. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int worked;
/* With an OCI runtime the step itself is pid 1. */
static int is_first;

static void must_fail(const char *what, long result) {
  if (result >= 0) {
    printf("ALLOWED: %s\n", what);
    ++worked;
  }
}

/* Calls that reach the kernel or other processes rather than the step's own files. */
static void try_calls(void) {
  char page[4096] = {0};
  struct iovec here = {page, sizeof page};
  struct iovec there = {(void *)0x400000, sizeof page};
  must_fail("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  must_fail("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  must_fail("request_key", syscall(SYS_request_key, "user", "x", NULL, -3));
  must_fail("userfaultfd", syscall(SYS_userfaultfd, 0));
  must_fail("bpf", syscall(SYS_bpf, 0, page, 128));
  must_fail("perf_event_open", syscall(SYS_perf_event_open, page, 0, -1, -1, 0));
  must_fail("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, page, O_RDONLY));
  must_fail("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  must_fail("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
  must_fail("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/mnt", 0));
  must_fail("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, page, 32));
  must_fail("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
  must_fail("mount proc", mount("none", "/tmp", "proc", 0, NULL));
  must_fail("umount", umount2("/proc", MNT_DETACH));
  must_fail("pivot_root", syscall(SYS_pivot_root, "/", "/"));
  must_fail("init_module", syscall(SYS_init_module, page, sizeof page, ""));
  must_fail("finit_module", syscall(SYS_finit_module, 0, "", 0));
  must_fail("delete_module", syscall(SYS_delete_module, "overlay", 0));
  must_fail("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  must_fail("reboot", syscall(SYS_reboot, 1, 2, 0, NULL));
  must_fail("swapon", syscall(SYS_swapon, "/x", 0));
  must_fail("acct", syscall(SYS_acct, "/x"));
  must_fail("sethostname", sethostname("mine", 4));
  must_fail("settimeofday", syscall(SYS_settimeofday, page, NULL));
  must_fail("syslog", syscall(SYS_syslog, 3, page, sizeof page));
  must_fail("ptrace of init", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
  if (!is_first) {
    must_fail("memory of init", process_vm_readv(1, &here, 1, &there, 1, 0));
  }
  must_fail("descriptor of init", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
  char byte = '#';
  must_fail("TIOCSTI", ioctl(0, TIOCSTI, &byte));
}

static void try_namespaces(void) {
  static const struct { const char *name; int flag; } kinds[] = {
      {"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
      {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},  {"cgroup", CLONE_NEWCGROUP}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    must_fail(kinds[i].name, unshare(kinds[i].flag));
    must_fail(kinds[i].name, syscall(SYS_clone, kinds[i].flag | SIGCHLD, 0, 0, 0, 0) > 0 ? 0 : -1);
  }
  must_fail("clone3", syscall(SYS_clone3, NULL, 0));
  static const char *const names[] = {"mnt", "net", "pid", "user", "cgroup"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/proc/1/ns/%s", names[i]);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    must_fail(path, space >= 0 ? setns(space, 0) : -1);
  }
}

/* Files of the machine, and nodes of its devices. */
static void try_files(void) {
  static const char *const written[] = {
      "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
      "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/binfmt_misc/register", "/proc/1/mem",
      "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent",
      "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.subtree_control", "/sys/power/state", "/dev/kmsg"};
  for (size_t i = 0; i < sizeof written / sizeof written[0]; ++i) {
    int file = open(written[i], O_WRONLY | O_CLOEXEC);
    /* Opening is not reaching yet. */
    must_fail(written[i], file >= 0 ? write(file, "0", 1) : -1);
  }
  must_fail("a group of its own", mkdir("/sys/fs/cgroup/mine", 0755));
  must_fail("/proc/kcore", open("/proc/kcore", O_RDONLY));
  static const struct { mode_t kind; unsigned major, minor; } nodes[] = {
      {S_IFCHR, 1, 1}, {S_IFCHR, 1, 11}, {S_IFCHR, 10, 229}, {S_IFBLK, 8, 0}, {S_IFBLK, 254, 0}, {S_IFBLK, 7, 0}};
  for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; ++i) {
    if (mknod("/node", nodes[i].kind | 0600, makedev(nodes[i].major, nodes[i].minor)) == 0) {
      char what[64];
      snprintf(what, sizeof what, "node %u:%u", nodes[i].major, nodes[i].minor);
      must_fail(what, open("/node", O_RDWR | O_NONBLOCK));
      unlink("/node");
    }
  }
}

/* Nothing but the standard streams, which lead nowhere else. */
static void try_descriptors(void) {
  for (int number = 3; number < 4096; ++number) {
    must_fail("a descriptor that was passed on", fcntl(number, F_GETFD));
  }
  struct stat status;
  for (int number = 0; number < 3; ++number) {
    must_fail("a folder as standard stream", fstat(number, &status) == 0 && S_ISDIR(status.st_mode) ? 0 : -1);
  }
}

/* What overlay file systems mark deletions and replaced folders with, on /marked and in it. */
static int mark(void) {
  static const char *const names[] = {"trusted.overlay.opaque", "user.overlay.opaque", "trusted.overlay.redirect",
                                      "user.overlay.redirect", "trusted.overlay.whiteouts", "user.overlay.whiteouts"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    const char *value = strstr(names[i], "redirect") != NULL ? "/etc" : "y";
    setxattr("/marked", names[i], value, strlen(value), 0);
  }
  static const char *const on_files[] = {"trusted.overlay.whiteout", "user.overlay.whiteout", "trusted.overlay.metacopy",
                                         "user.overlay.metacopy"};
  int file = open("/marked/empty", O_WRONLY | O_CREAT, 0644);
  for (size_t i = 0; i < sizeof on_files / sizeof on_files[0]; ++i) {
    fsetxattr(file, on_files[i], "y", 1, 0);
    setxattr("/marked/kept", on_files[i], "y", 1, 0);
  }
  mknod("/marked/kept-too", S_IFCHR, makedev(0, 0));
  return 0;
}

static int make_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int made = socket(AF_UNIX, SOCK_STREAM, 0);
  return bind(made, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : 1;
}

/* The abstract socket of that name: 0 if somebody listens. */
static int reach(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  int made = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(made, (struct sockaddr *)&address, size) == 0 ? 0 : 1;
}

/* `depth` folders, each in the one before and with a name of ten letters, and a file in the last. */
static int make_deep(const char *first, int depth) {
  for (int level = 0; level < depth; ++level) {
    const char *name = level == 0 ? first : "tenletters";
    if (mkdir(name, 0755) != 0 || chdir(name) != 0) {
      perror(name);
      return 1;
    }
  }
  int leaf = open("leaf", O_WRONLY | O_CREAT | O_EXCL, 0644);
  return leaf >= 0 && write(leaf, "deep\n", 5) == 5 ? 0 : 1;
}

/* 0 if the file is that deep. */
static int find_deep(const char *first, int depth) {
  for (int level = 0; level < depth; ++level) {
    if (chdir(level == 0 ? first : "tenletters") != 0) {
      return 1;
    }
  }
  return access("leaf", F_OK) == 0 ? 0 : 1;
}

/* Each process starts another again and again, each with a session of its own, deaf to whatever can be ignored. */
static int explode(void) {
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGCHLD) {
      signal(number, SIG_IGN);
    }
  }
  signal(SIGCHLD, SIG_IGN);
  printf("lit\n");
  fflush(stdout);
  for (;;) {
    if (fork() == 0) {
      setsid();
    }
    usleep(20000);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* `path` is a folder and by turns a link to each of the targets, as fast as can be, until there is a file `end`, or for
   that many seconds. */
static int swap(const char *path, const char *end, double seconds, int count, char **targets) {
  char other[4096];
  snprintf(other, sizeof other, "%s.other", path);
  mkdir(path, 0777);
  printf("swapping\n");
  fflush(stdout);
  double last = now() + seconds;
  for (int turn = 0; now() < last && access(end, F_OK) != 0; ++turn) {
    unlink(other);
    if (symlink(targets[turn % count], other) != 0) {
      return 1;
    }
    for (int exchange = 0; exchange < 50; ++exchange) {
      if (syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, 2 /*RENAME_EXCHANGE*/) != 0) {
        return 1;
      }
      usleep(exchange % 5 == 0 ? 50 : 0);
    }
  }
  return 0;
}

/* What a step is left with, where no /proc says it. */
static int show_capabilities(void) {
  unsigned header[2] = {0x20080522, 0};
  unsigned sets[6] = {0};
  syscall(SYS_capget, header, sets);
  unsigned long long bounding = 0;
  for (unsigned long number = 0; number < 64; ++number) {
    bounding |= (unsigned long long)(prctl(PR_CAPBSET_READ, number) == 1) << number;
  }
  printf("effective %08x%08x bounding %016llx no_new_privs %d seccomp %d\n", sets[3], sets[0], bounding,
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECCOMP));
  int ambient = 0;
  for (unsigned long number = 0; number < 64; ++number) {
    ambient += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) == 1;
  }
  printf("permitted %08x%08x inheritable %08x%08x ambient %d dumpable %d\n", sets[4], sets[1], sets[5], sets[2], ambient,
         prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  return 0;
}

/* Processes that are none of the step's, in every way in which a number can reach one. */
static int try_process(pid_t pid) {
  siginfo_t info = {.si_signo = SIGCONT, .si_code = SI_QUEUE};
  struct rlimit limit = {1, 1};
  struct sched_param priority = {0};
  unsigned long cpus = 1;
  int ends[2];
  char page[64];
  struct iovec here = {page, sizeof page};
  if (pipe(ends) != 0) {
    return 1;
  }
  must_fail("kill", kill(pid, SIGCONT));
  must_fail("kill of the group", kill(-pid, SIGCONT));
  must_fail("tkill", syscall(SYS_tkill, pid, SIGCONT));
  must_fail("tgkill", syscall(SYS_tgkill, pid, pid, SIGCONT));
  must_fail("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, pid, SIGCONT, &info));
  must_fail("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGCONT, &info));
  must_fail("pidfd_send_signal", syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, pid, 0), SIGCONT, NULL, 0));
  must_fail("F_SETOWN", fcntl(ends[0], F_SETOWN, pid));
  must_fail("F_SETOWN, with more bits", syscall(SYS_fcntl, ends[0], (1UL << 32) | F_SETOWN, (long)pid));
  must_fail("FIOSETOWN", ioctl(ends[0], 0x8901, &pid));
  must_fail("prlimit", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &limit, NULL));
  must_fail("setpriority", setpriority(PRIO_PROCESS, (id_t)pid, 19));
  must_fail("setpriority of a user", setpriority(PRIO_USER, 0, 19));
  must_fail("ioprio_set", syscall(SYS_ioprio_set, 1, pid, 0));
  must_fail("sched_setaffinity", syscall(SYS_sched_setaffinity, pid, sizeof cpus, &cpus));
  must_fail("sched_setscheduler", syscall(SYS_sched_setscheduler, pid, 5, &priority));
  must_fail("ptrace", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
  must_fail("process_vm_readv", syscall(SYS_process_vm_readv, pid, &here, 1L, &here, 1L, 0L));
  must_fail("chroot", chroot("/tmp"));
  return 0;
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  if (strcmp(what, "deep") == 0) {
    return make_deep(words[2], atoi(words[3]));
  }
  if (strcmp(what, "find-deep") == 0) {
    return find_deep(words[2], atoi(words[3]));
  }
  if (strcmp(what, "explode") == 0) {
    return explode();
  }
  if (strcmp(what, "swap") == 0) {
    return swap(words[2], words[3], atof(words[4]), count - 5, words + 5);
  }
  if (strcmp(what, "mark") == 0) {
    return mark();
  }
  if (strcmp(what, "socket") == 0) {
    return make_socket(words[2]);
  }
  if (strcmp(what, "capabilities") == 0) {
    return show_capabilities();
  }
  if (strcmp(what, "processes") == 0) {
    for (int index = 2; index < count; ++index) {
      try_process(atoi(words[index]));
    }
    return worked;
  }
  if (strcmp(what, "reach") == 0) {
    return reach(words[2]);
  }
  is_first = strcmp(what, "as-first") == 0;
  try_descriptors();
  try_calls();
  try_namespaces();
  try_files();
  return worked > 100 ? 100 : worked;
}
