#include "builder/sandbox/oci_step.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/mount_api.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

constexpr std::size_t kLogBytesMax = 1 << 20;
constexpr const char* kContainer = "slipway";
constexpr const char* kConsoleSocket = "console.sock";
// Of the runtime and of its hooks.
constexpr const char* kEnvironment =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The control groups are the step's, so the runtime is told to leave them alone, which each kind
// wants to hear in its own words; what is no known kind is taken for one that speaks as runc does.
std::vector<std::string> global_flags(const std::string& program, const std::string& scratch) {
  std::vector<std::string> flags = {
      "--root", cat(scratch, "/state"), "--log", cat(scratch, "/log"), "--log-format", "json"};
  std::string_view name = base_name(program);
  if (name.starts_with("crun")) {
    flags.emplace_back("--cgroup-manager=disabled");
  } else if (name.starts_with("runsc")) {
    flags.insert(flags.end(), {"--ignore-cgroups", "--network=host"});
  } else {
    flags.emplace_back("--rootless=true");
  }
  return flags;
}

class Runtime {
 public:
  Runtime(StepProcess& process, const StepRoot& root)
      : process_(process),
        program_(root.spec().runtime->program),
        scratch_(root.scratch().path()),
        log_(cat(scratch_, "/log")),
        flags_(global_flags(program_, scratch_)),
        terminal_(root.spec().terminal) {}

  // The process id of the container's first process, which waits to be started.
  pid_t create() {
    std::vector<std::string> words = {"create", "--bundle", cat(scratch_, "/bundle"), "--pid-file",
                                      cat(scratch_, "/pid")};
    Fd listener;
    if (terminal_) {
      listener = listen_for_console();
      words.insert(words.end(), {"--console-socket", console_path()});
    }
    words.emplace_back(kContainer);
    if (!call(words, {process_.stdio[0].get(), process_.stdio[1].get(), process_.stdio[2].get()})) {
      fail("make");
    }
    if (terminal_) {
      hand_over_terminal(listener);
    }
    std::string text = base::find_file_content(cat(scratch_, "/pid"), 64).value_or("");
    std::optional<pid_t> pid = base::parse_integer<pid_t>(base::trim(text));
    if (!pid || *pid <= 1) {
      base::fail(
          base::ErrorKind::kSystem,
          cat(program_, " has not said which process its container is: ", base::quote(text)));
    }
    return *pid;
  }

  void start() {
    if (!call({"start", kContainer}, quiet_)) {
      fail("start");
    }
  }

  // For the hooks of its end; whatever else it would do the kernel does.
  void remove() { call({"delete", "--force", kContainer}, quiet_); }

  std::string last_error() const {
    return last_error_of_log(base::find_file_content(log_, kLogBytesMax).value_or(""));
  }

 private:
  bool call(const std::vector<std::string>& words, const std::array<int, 3>& streams) const {
    base::SpawnOptions options;
    options.program = program_;
    options.argv = {program_};
    options.argv.insert(options.argv.end(), flags_.begin(), flags_.end());
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.environment = {kEnvironment};
    options.descriptors = {{streams[0], 0}, {streams[1], 1}, {streams[2], 2}};
    options.working_directory.push_back('/');
    return base::Child::spawn(options).wait().success();
  }

  [[noreturn]] void fail(const char* what) const {
    std::string error = last_error();
    if (std::optional<report::NotExecuted> refused = not_executed(error)) {
      send_report(process_.report, *std::move(refused));
      ::_exit(0);
    }
    base::fail(base::ErrorKind::kSystem, cat(program_, " could not ", what, " the container: ",
                                             error.empty() ? "it has not said why" : error));
  }

  std::string console_path() const { return cat(scratch_, "/bundle/", kConsoleSocket); }

  Fd listen_for_console() const {
    Fd listener(check([] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }, "socket"));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = console_path();
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    check(
        [&] {
          return ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        },
        "bind", path);
    check([&] { return ::listen(listener.get(), 1); }, "listen", path);
    return listener;
  }

  // The runtime has sent the controlling side before it ended.
  void hand_over_terminal(const Fd& listener) {
    constexpr int kWaitMs = 10'000;
    pollfd wait{listener.get(), POLLIN, 0};
    if (check([&] { return ::poll(&wait, 1, kWaitMs); }, "poll") == 0) {
      base::fail(base::ErrorKind::kSystem, cat(program_, " has sent no terminal"));
    }
    Fd connection(
        check([&] { return ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }, "accept"));
    Packet packet = receive_packet(connection);
    if (packet.descriptors.empty()) {
      base::fail(base::ErrorKind::kSystem, cat(program_, " has sent no terminal"));
    }
    winsize window{};
    window.ws_row = terminal_->rows;
    window.ws_col = terminal_->columns;
    check([&] { return ::ioctl(packet.descriptors[0].get(), TIOCSWINSZ, &window); },
          "ioctl TIOCSWINSZ");
    send_report(process_.report, report::Terminal{}, packet.descriptors.data());
  }

  StepProcess& process_;
  std::string program_;
  std::string scratch_;
  std::string log_;
  std::vector<std::string> flags_;
  std::optional<TerminalSize> terminal_;
  Fd null_ = base::open_file("/dev/null", O_RDWR);
  std::array<int, 3> quiet_ = {null_.get(), null_.get(), null_.get()};
};

// runc gives the standard streams to the container's user, whatever they are. Pipes may be the
// user's; a file or a device that the caller's output goes to stays whose it was. By the time the
// container waits to be started it has been done.
void restore_owners(const StepProcess& process, const std::array<struct stat, 3>& before) {
  for (std::size_t index = 0; index < before.size(); ++index) {
    struct stat now = base::get_status(process.stdio[index], "");
    const struct stat& was = before[index];
    if (!S_ISFIFO(was.st_mode) && now.st_uid != was.st_uid) {
      check([&] { return ::fchown(process.stdio[index].get(), was.st_uid, was.st_gid); }, "fchown",
            "standard stream");
    }
  }
}

std::array<struct stat, 3> owners_of(const StepProcess& process) {
  std::array<struct stat, 3> owners{};
  for (std::size_t index = 0; index < owners.size(); ++index) {
    owners[index] = base::get_status(process.stdio[index], "");
  }
  return owners;
}

// The wait status of the container's first process. What ends beside it was orphaned by the
// runtime.
int wait_for(pid_t container) {
  sigset_t all;
  ::sigfillset(&all);
  while (true) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == container) {
        return status;
      }
    }
    int number = ::sigwaitinfo(&all, nullptr);
    if (number > 0 && number != SIGCHLD) {
      ::kill(container, number);
    }
  }
}

void make_directory(const StepRoot& root, const char* name, mode_t mode = 0755) {
  check([&] { return ::mkdirat(root.scratch().folder().get(), name, mode); }, "mkdir", name);
}

// Attaches it to a new directory of the scratch; its path.
std::string place(const StepRoot& root, const char* name) {
  make_directory(root, name);
  return cat(root.scratch().path(), "/", name);
}

// Runtimes look for the machine's control groups even where they are to leave them alone, and crun
// ends where it finds both versions. They find version 2 read-only, or nothing that can be written
// to, which they take for the end of it.
void cover_control_groups() {
  constexpr const char* kPlace = "/sys/fs/cgroup";
  Fd place(::open(kPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place) {
    return;
  }
  struct statfs status{};
  check([&] { return ::fstatfs(place.get(), &status); }, "fstatfs", kPlace);
  Fd cover;
  if (status.f_type == CGROUP2_SUPER_MAGIC) {
    cover = clone_mount(place, kPlace, Depth::kWithMountsBelow);
  } else {
    cover = make_filesystem({.type = "tmpfs", .attributes = MOUNT_ATTR_NOSUID});
    // runc takes a folder that is missing for an error, one that is read-only not.
    for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory(kPlace))) {
      check([&] { return ::mkdirat(cover.get(), entry.name.c_str(), 0755); }, "mkdir", entry.name);
    }
  }
  attach(cover, place, kPlace);
  add_attributes(cover, MOUNT_ATTR_RDONLY, kPlace, Depth::kWithMountsBelow);
}

}  // namespace

void prepare_system(StepRoot& root, const HostSys& host, OciSurroundings& surroundings) {
  // Of our pid namespace: a runtime looks its own processes up.
  attach(make_filesystem({.type = "proc",
                          .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC}),
         base::open_file("/proc", O_PATH | O_DIRECTORY), "/proc");
  cover_control_groups();
  std::uint64_t attributes = root.scratch().is_sandboxed() ? MOUNT_ATTR_RDONLY : 0;
  if (host.sys) {
    surroundings.sys = place(root, "sys");
    attach_at(host.sys, root.scratch().folder(), "sys");
    if (attributes != 0) {
      add_attributes(host.sys, attributes, "/sys", Depth::kWithMountsBelow);
    }
  }
  if (!host.groups.empty()) {
    surroundings.cgroups = place(root, "groups");
    attach_groups(base::open_at(root.scratch().folder(), "groups", O_PATH | O_DIRECTORY),
                  host.groups);
    Fd groups = base::open_at(root.scratch().folder(), "groups", O_PATH | O_DIRECTORY);
    if (attributes != 0) {
      add_attributes(groups, attributes, "/sys/fs/cgroup", Depth::kWithMountsBelow);
    }
  }
}

void write_bundle(const StepRoot& root, const OciSurroundings& surroundings) {
  make_directory(root, "bundle", 0700);
  make_directory(root, "state", 0700);
  Fd bundle = base::open_at(root.scratch().folder(), "bundle", O_PATH | O_DIRECTORY);
  Fd file = base::open_at(bundle, "config.json", O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::write_all(file, oci_config(root.spec(), surroundings), "config.json");
}

void run_container(StepProcess& process, const StepRoot& root) {
  constexpr mode_t kFileModeMask = 022;
  ::umask(kFileModeMask);
  Runtime runtime(process, root);
  std::array<struct stat, 3> owners = owners_of(process);
  pid_t container = runtime.create();
  restore_owners(process, owners);
  process.stdio = {};
  process.go.reset();
  process.network.reset();
  process.fuse = {};
  runtime.start();
  int status = wait_for(container);
  std::optional<report::NotExecuted> refused;
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    refused = not_executed(runtime.last_error());
  }
  runtime.remove();
  if (refused) {
    send_report(process.report, *std::move(refused));
  } else {
    send_report(process.report, report::CommandEnded{status});
  }
  ::_exit(0);
}

int run_container_hook(const char* root, const char* attributes) {
  // The container's state. Nothing in it is news, but crun fails if we end before it has written
  // it.
  std::array<char, 4096> state;
  while (::read(STDIN_FILENO, state.data(), state.size()) > 0) {
  }
  mount_attr wanted{};
  wanted.attr_set = base::parse_integer<std::uint64_t>(attributes).value_or(MOUNT_ATTR_NODEV);
  return ::mount_setattr(AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, &wanted, sizeof wanted) == 0 ? 0 : 1;
}

std::string last_error_of_log(std::string_view log) {
  std::string message;
  for (std::string_view line : base::split(log, '\n')) {
    nlohmann::json entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (entry.is_object() && entry.value("level", "") == "error" && entry.contains("msg") &&
        entry["msg"].is_string()) {
      message = entry["msg"].get<std::string>();
    }
  }
  return message;
}

std::optional<report::NotExecuted> not_executed(std::string_view error) {
  constexpr std::array<std::string_view, 4> kAboutTheCommand = {
      "executable file ", "open executable", "exec container process", ": exec: \""};
  constexpr std::array<std::string_view, 3> kMissing = {"not found in $PATH", "o such file",
                                                        "ot a directory"};
  auto has = [&](const auto& texts) {
    for (std::string_view text : texts) {
      if (error.contains(text)) {
        return true;
      }
    }
    return false;
  };
  constexpr int kNotFoundCode = 127;
  constexpr int kNotExecutableCode = 126;
  if (!has(kAboutTheCommand)) {
    return std::nullopt;
  }
  return report::NotExecuted{has(kMissing) ? kNotFoundCode : kNotExecutableCode,
                             std::string(error)};
}

}  // namespace slipway::builder
