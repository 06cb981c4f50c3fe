#include "builder/sandbox/command.h"

#include <elf.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

constexpr int kNotFoundCode = 127;
constexpr int kNotExecutableCode = 126;
constexpr std::size_t kStackBytes = 256 * 1024;

std::string text_of_error(int error_number) {
  std::string text = ::strerrordesc_np(error_number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

// EINVAL: the id is not mapped in our user namespace.
void check_id(long result, const char* call, std::uint32_t id) {
  if (result == 0) {
    return;
  }
  if (errno != EINVAL) {
    throw base::system_error(errno, call, cat(id));
  }
  throw base::Error(base::ErrorKind::kDenied, cat("cannot run as the user or group ", id,
                                                  ": this user namespace has no such id"))
      .with_hint("give yourself subordinate ids in /etc/subuid and /etc/subgid, or run as root");
}

bool has_one_id(const CommandSetup& setup) {
  return !setup.record_owners.empty();
}

// Its own session, so that no signal of a terminal reaches it, or only those of its own terminal.
void start_session(const CommandSetup& setup) {
  check([] { return ::setsid(); }, "setsid");
  if (setup.stdio_is_terminal) {
    check([&] { return ::ioctl(setup.stdio[0], TIOCSCTTY, 0); }, "ioctl TIOCSCTTY");
  }
}

// A user other than root must be able to open /dev/stdout, which leads to a pipe. One that belongs
// to somebody outside of our user namespace can't be given away (EPERM): the command can use it all
// the same, only not open it by name.
void give_stdio_to_user(const CommandSetup& setup) {
  if (setup.spec.user.uid == 0 || has_one_id(setup)) {
    return;
  }
  for (int number : setup.stdio) {
    struct stat status{};
    check([&] { return ::fstat(number, &status); }, "fstat", "standard stream");
    if (S_ISFIFO(status.st_mode) || setup.stdio_is_terminal) {
      int result = ::fchown(number, setup.spec.user.uid, static_cast<gid_t>(-1));
      if (result != 0 && errno != EPERM) {
        check_id(result, "fchown", setup.spec.user.uid);
      }
    }
  }
}

void set_stdio(const CommandSetup& setup) {
  for (int number = 0; number < 3; ++number) {
    check([&] { return ::dup2(setup.stdio[static_cast<std::size_t>(number)], number); }, "dup2",
          "standard stream");
  }
}

void set_resource_limits(const CommandSetup& setup) {
  check([&] { return ::setrlimit(RLIMIT_NOFILE, &setup.open_files); }, "setrlimit", "open files");
  for (const ResourceLimit& limit : setup.spec.resource_limits) {
    rlimit value{limit.soft, limit.hard};
    check([&] { return ::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr); }, "setrlimit",
          cat("number ", limit.resource, " to ", limit.soft, ":", limit.hard));
  }
}

// The keys of the session that started us are none of the step's business. EPERM, ENOSYS: key calls
// are forbidden or not there, and then the step can't read any either.
void leave_keyring() {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS &&
      errno != EPERM) {
    throw base::system_error(errno, "keyctl", "session keyring");
  }
}

// The init waits with all signals blocked, and a mask survives the execution. No signal has a
// handler or is ignored: the helper was started with all of them at their defaults.
void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  check([&] { return ::sigprocmask(SIG_SETMASK, &none, nullptr); }, "sigprocmask");
}

// As glibc has them, these calls change all threads of a process by signals; here there is one
// thread, in borrowed memory, so the kernel is asked directly.
void set_user(const CommandSetup& setup) {
  if (has_one_id(setup)) {
    return;
  }
  const UserIds& user = setup.spec.user;
  if (setup.may_set_groups) {
    check([&] { return ::syscall(SYS_setgroups, user.groups.size(), user.groups.data()); },
          "setgroups", cat(user.groups.size(), " groups"));
  }
  check_id(::syscall(SYS_setresgid, user.gid, user.gid, user.gid), "setresgid", user.gid);
  check_id(::syscall(SYS_setresuid, user.uid, user.uid, user.uid), "setresuid", user.uid);
}

// Before the filter that keeps the step in, which may forbid to install another one.
void emulate_ids(const CommandSetup& setup) {
  if (!has_one_id(setup)) {
    return;
  }
  if (std::optional<base::Fd> listener = install_listener(setup.record_owners)) {
    send_packet(*setup.listener_socket, "l", {listener->get()});
    return;
  }
  install_seccomp(setup.pretend_owners);
  send_report(setup.report,
              report::Notice{"owners that the step sets are not recorded: this kernel, or the "
                             "container around, lets no filter ask us"});
}

// In a session of ours there is no other tracer of calls, unless the container is one.
void guard_processes(const CommandSetup& setup) {
  if (setup.guard.empty()) {
    return;
  }
  std::optional<base::Fd> listener = install_listener(setup.guard);
  if (!listener) {
    base::fail(base::ErrorKind::kDenied,
               "a step without namespaces can't be kept from other processes: this kernel, or the "
               "container around, lets no filter of system calls ask us",
               "use a machine with Linux 5.5 or newer, or permit user namespaces");
  }
  send_packet(*setup.listener_socket, "l", {listener->get()});
}

// Where there are no mounts. Nothing open is left that leads out, and the step can't do it again.
void change_root(const CommandSetup& setup) {
  if (setup.root == nullptr) {
    return;
  }
  check([&] { return ::fchdir(setup.root->get()); }, "fchdir", "the step's root");
  if (::chroot(".") != 0) {
    throw base::system_error(errno, "chroot", "the step's root");
  }
  enter_working_directory(setup.spec);
}

// The order is forced: the bounding set needs CAP_SETPCAP, the user CAP_SETUID; a filter without
// no_new_privs needs CAP_SYS_ADMIN, which another user keeps only if asked (KEEPCAPS) and must make
// effective again; after the filter only capset and execve may follow, which every filter that can
// run anything allows.
void drop_privileges(const CommandSetup& setup) {
  bool is_sandboxed = setup.spec.security == SecurityMode::kSandbox;
  std::uint64_t capabilities = is_sandboxed ? setup.spec.capabilities : permitted_capabilities();
  if (setup.spec.no_new_privileges) {
    check([] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }, "prctl PR_SET_NO_NEW_PRIVS");
  }
  limit_bounding_set(capabilities);
  check([] { return ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); }, "prctl PR_SET_KEEPCAPS");
  set_user(setup);
  set_capabilities(permitted_capabilities());
  emulate_ids(setup);
  guard_processes(setup);
  if (!setup.seccomp.empty()) {
    install_seccomp(setup.seccomp);
  }
  set_capabilities(setup.spec.user.uid == 0 || has_one_id(setup) ? capabilities : 0);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

struct Machine {
  std::uint16_t number;  // ELF's
  const char* name;      // as platforms have it
};
constexpr Machine kMachines[] = {
    {EM_X86_64, "amd64"}, {EM_AARCH64, "arm64"}, {EM_ARM, "arm"},       {EM_386, "386"},
    {EM_S390, "s390x"},   {EM_PPC64, "ppc64le"}, {EM_RISCV, "riscv64"}, {EM_MIPS, "mips"}};
#if defined(__x86_64__)
constexpr std::uint16_t kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kOwnMachine = EM_AARCH64;
#endif

// Why the kernel does not take a program's format, as far as we can tell: it is another machine's.
std::string foreign_machine(const std::string& path) {
  Elf64_Ehdr header{};  // the beginning is that of 32-bit programs, too
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::read(file.get(), &header, sizeof header) < 20 ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine == kOwnMachine) {
    return {};
  }
  const auto* machine = std::ranges::find(kMachines, header.e_machine, &Machine::number);
  return cat(" (it is a program for ",
             machine == std::end(kMachines) ? "another machine" : machine->name,
             "; with the package qemu-user-static this machine can run such)");
}

report::NotExecuted execute(const SandboxSpec& spec, const Executable& executable) {
  if (executable.code != 0) {
    return {executable.code, executable.message};
  }
  std::vector<char*> argv = pointers_to(spec.argv);
  std::vector<char*> environment = pointers_to(spec.environment);
  ::execve(executable.path.c_str(), argv.data(), environment.data());
  int error_number = errno;
  std::string message = cat("exec ", executable.path, ": ", text_of_error(error_number));
  if (error_number == ENOEXEC) {
    message += foreign_machine(executable.path);
  }
  if (error_number != ENOENT) {
    return {kNotExecutableCode, std::move(message)};
  }
  // The file itself is there.
  return {kNotFoundCode, cat(message, " (the interpreter that it names is missing)")};
}

// What a child gets that shares our memory until it executes or ends.
struct Child {
  const CommandSetup& setup;
  std::span<char> stack;
};

// The address sanitizer does not know this stack: after an exception it still takes the frames that
// were unwound for frames in use.
void forget_unwound_frames([[maybe_unused]] std::span<char> stack) {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack.data(), stack.size());
#endif
}

// Never returns to its caller: it ends as another program, or not at all.
void become_command(const Child& child) {
  const CommandSetup& setup = child.setup;
  Report report;
  try {
    start_session(setup);
    give_stdio_to_user(setup);
    set_stdio(setup);
    // All of ours are close-on-exec from birth; this is for those that a library left open.
    dispose_descriptors_above(2, Disposal::kCloseOnExec);
    set_resource_limits(setup);
    ::umask(022);
    leave_keyring();
    change_root(setup);
    // With one id nothing changes for us, and from then on questions about our own ids would wait
    // for the init, which waits for us.
    auto find = [&] { return find_executable(setup.spec.argv[0], setup.spec.environment); };
    Executable executable = has_one_id(setup) ? find() : Executable{};
    drop_privileges(setup);
    unblock_signals();
    report = execute(setup.spec, has_one_id(setup) ? executable : find());
  } catch (const base::Error& error) {
    // The boundary of the process: the owner throws it again.
    forget_unwound_frames(child.stack);
    report = failed_report(error);
  }
  send_report(setup.report, report);
}

int command_entry(void* argument) {
  become_command(*static_cast<const Child*>(argument));
  ::_exit(kNotFoundCode);
}

std::string_view path_of(const std::vector<std::string>& environment) {
  std::string_view path;
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) {
      path = std::string_view(variable).substr(5);
    }
  }
  return path;
}

// 0, or the errno that executing it would give.
int try_executable(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return errno;
  }
  if (S_ISDIR(status.st_mode)) {
    return EISDIR;
  }
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Executable find_by_path(const std::string& name) {
  int error_number = try_executable(name);
  if (error_number == 0) {
    return {name, 0, {}};
  }
  bool is_absent = error_number == ENOENT || error_number == ENOTDIR;
  return {{},
          is_absent ? kNotFoundCode : kNotExecutableCode,
          cat("exec: ", base::quote(name), ": ", is_absent ? cat("stat ", name, ": ") : "",
              text_of_error(error_number))};
}

}  // namespace

void enter_working_directory(const SandboxSpec& spec) {
  const std::string& path = spec.working_directory.text();
  int number = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (number < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    base::fail(base::ErrorKind::kInput,
               base::cat("the working directory ", path,
                         errno == ENOENT ? " does not exist" : " is not a directory"));
  }
  Fd directory(check([&] { return number; }, "open", path));
  check([&] { return ::fchdir(directory.get()); }, "fchdir", path);
}

Executable find_executable(const std::string& name, const std::vector<std::string>& environment) {
  if (name.contains('/')) {
    return find_by_path(name);
  }
  for (std::string_view folder : base::split(path_of(environment), ':')) {
    // An empty folder means the working directory. It is not searched, as with runc: a program is
    // not to be run because it happens to lie there.
    std::string path = cat(folder, "/", name);
    if (folder.starts_with('/') && try_executable(path) == 0) {
      return {path, 0, {}};
    }
  }
  return {
      {}, kNotFoundCode, cat("exec: ", base::quote(name), ": executable file not found in $PATH")};
}

pid_t start_command(const CommandSetup& setup) {
  auto stack = std::make_unique<char[]>(kStackBytes);
  Child child{setup, {stack.get(), kStackBytes}};
  // CLONE_VFORK: we sleep until the child has executed or ended, so its use of our memory is safe.
  return check(
      [&] {
        return ::clone(command_entry, stack.get() + kStackBytes, CLONE_VM | CLONE_VFORK | SIGCHLD,
                       &child);
      },
      "clone", "the command");
}

}  // namespace slipway::builder
