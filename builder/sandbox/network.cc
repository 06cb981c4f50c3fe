#include "builder/sandbox/network.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

constexpr std::chrono::seconds kStartMax{10};
constexpr std::size_t kMessageBytesMax = 4096;

struct Candidate {
  UserNetwork::Tool tool;
  const char* name;
};
constexpr Candidate kCandidates[] = {{UserNetwork::Tool::kPasta, "pasta"},
                                     {UserNetwork::Tool::kSlirp4netns, "slirp4netns"}};

// A network that few machines are in, for its addresses are hidden from the steps. slirp4netns
// derives the other addresses from the network; pasta is told the same ones. It would give the
// steps the machine's addresses otherwise, which then would not lead to the machine.
constexpr const char* kNetwork = "10.83.71.0/24";
constexpr const char* kAddress = "10.83.71.100";
constexpr const char* kGateway = "10.83.71.2";
constexpr const char* kNameServer = "10.83.71.3";
constexpr const char* kAddress6 = "fd53:6c69:7077::100";
constexpr const char* kGateway6 = "fd53:6c69:7077::2";

// The descriptor numbers that the programs are told.
constexpr int kReadyDescriptor = 3;
constexpr int kNamespaceDescriptor = 4;

bool is_program(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// In the foreground, so that it is ours to end; nothing is forwarded into the namespace, and the
// gateway's address is not the machine's loopback. The process id file is what it writes last
// before it serves: here it is a pipe. Root stays root, for as "nobody", its default, it could not
// enter; it confines itself to an empty root, a few system calls and what it needs to enter.
std::vector<std::string> pasta_arguments(const UserNetwork& network) {
  return {network.program,
          "--config-net",
          "--quiet",
          "--foreground",
          "--runas",
          "0:0",
          "--no-map-gw",
          "--tcp-ports",
          "none",
          "--udp-ports",
          "none",
          "--tcp-ns",
          "none",
          "--udp-ns",
          "none",
          "--no-dhcp",
          "--no-dhcpv6",
          "--no-ra",
          "--address",
          kAddress,
          "--netmask",
          "24",
          "--gateway",
          kGateway,
          "--address",
          kAddress6,
          "--gateway",
          kGateway6,
          "--dns-forward",
          kNameServer,
          "--pid",
          cat("/proc/self/fd/", kReadyDescriptor),
          "--netns-only",
          "--netns",
          cat("/proc/self/fd/", kNamespaceDescriptor)};
}

std::vector<std::string> slirp4netns_arguments(const UserNetwork& network) {
  return {network.program,
          "--configure",
          "--mtu=65520",
          cat("--cidr=", kNetwork),
          "--disable-host-loopback",
          "--enable-sandbox",
          "--enable-seccomp",
          cat("--ready-fd=", kReadyDescriptor),
          "--netns-type=path",
          cat("/proc/self/fd/", kNamespaceDescriptor),
          "tap0"};
}

// 0, or an errno. Allocates nothing.
int try_bring_up_loopback() {
  int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    return errno;
  }
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  int error_number = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  ::close(socket);
  return error_number;
}

struct Clone {
  pid_t pid = -1;  // 0 in the clone
  Fd pidfd;
};
// Of a process with one thread, like fork.
std::expected<Clone, int> clone_process(std::uint64_t flags) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) {
    return std::unexpected(errno);
  }
  return Clone{static_cast<pid_t>(pid), Fd(pidfd)};
}

// A new network namespace whose loopback works. A process of ours makes it, because one that has
// entered it could not go back to the machine's without root. A failure is an errno.
std::expected<Fd, int> make_name_space() {
  base::Pipe hold = base::make_pipe();
  std::expected<Clone, int> clone = clone_process(CLONE_NEWNET);
  if (!clone) {
    return std::unexpected(clone.error());
  }
  if (clone->pid == 0) {
    int error_number = try_bring_up_loopback();
    ::close(hold.write_end.get());
    char byte = 0;
    while (::read(hold.read_end.get(), &byte, 1) < 0 && errno == EINTR) {
    }
    ::_exit(error_number);
  }
  base::Child process = base::Child::adopt(clone->pid, std::move(clone->pidfd));
  Fd name_space = base::open_file(cat("/proc/", process.pid(), "/ns/net"), O_RDONLY);
  hold.write_end.reset();
  base::ExitStatus status = process.wait();
  if (!status.success()) {
    return std::unexpected(status.value);
  }
  return name_space;
}

struct Descriptors {
  int ready;
  int name_space;
  int messages;
};

// In the clone: becomes the program, or says in the messages why not.
[[noreturn]] void become_program(const std::vector<std::string>& arguments, Descriptors ours,
                                 pid_t helper) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  // If the helper has died before the first call, it is not our parent any more.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != helper) {
    ::_exit(1);
  }
  // Away from the numbers that are given out now.
  constexpr int kAbove = 10;
  int ready = ::fcntl(ours.ready, F_DUPFD_CLOEXEC, kAbove);
  int name_space = ::fcntl(ours.name_space, F_DUPFD_CLOEXEC, kAbove);
  int messages = ::fcntl(ours.messages, F_DUPFD_CLOEXEC, kAbove);
  ::dup2(messages, STDOUT_FILENO);
  ::dup2(messages, STDERR_FILENO);
  ::dup2(ready, kReadyDescriptor);
  ::dup2(name_space, kNamespaceDescriptor);
  ::execve(argv[0], argv.data(), environment);
  std::string problem = cat(argv[0], ": ", ::strerrordesc_np(errno), "\n");
  // Whoever reads the messages sees that we have ended, also without this line.
  std::ignore = ::write(messages, problem.data(), problem.size());
  ::_exit(1);
}

}  // namespace

std::optional<UserNetwork> find_user_network(std::string_view path) {
  for (const Candidate& candidate : kCandidates) {
    for (std::string_view folder : base::split(path, ':')) {
      std::string program = cat(folder, "/", candidate.name);
      if (folder.starts_with('/') && is_program(program)) {
        return UserNetwork{candidate.tool, program, kNameServer};
      }
    }
  }
  return std::nullopt;
}

SharedNetwork::SharedNetwork(UserNetwork network)
    : network_(std::move(network)), deadline_(std::chrono::steady_clock::now() + kStartMax) {
  std::expected<Fd, int> made = make_name_space();
  if (!made) {
    fail(cat("network namespaces cannot be made here: ", ::strerrordesc_np(made.error())));
    return;
  }
  name_space_ = std::move(*made);
  start_program();
}

void SharedNetwork::start_program() {
  messages_ = Fd(check([] { return ::memfd_create("network", MFD_CLOEXEC); }, "memfd_create"));
  base::Pipe pipe = base::make_pipe();
  std::vector<std::string> arguments = network_.tool == UserNetwork::Tool::kPasta
                                           ? pasta_arguments(network_)
                                           : slirp4netns_arguments(network_);
  pid_t helper = ::getpid();
  std::expected<Clone, int> clone = clone_process(0);
  if (!clone) {
    fail(cat("clone: ", ::strerrordesc_np(clone.error())));
    return;
  }
  if (clone->pid == 0) {
    become_program(arguments, {pipe.write_end.get(), name_space_.get(), messages_.get()}, helper);
  }
  process_.emplace(base::Child::adopt(clone->pid, std::move(clone->pidfd)));
  ready_ = std::move(pipe.read_end);
}

void SharedNetwork::fail(std::string problem) {
  phase_ = Phase::kFailed;
  problem_ = std::move(problem);
  process_.reset();
  name_space_.reset();
  ready_.reset();
}

// What it says last is why it has ended.
std::string SharedNetwork::last_message() const {
  std::string text(kMessageBytesMax, '\0');
  text.resize(base::pread_full(messages_, text, 0, "network"));
  std::string_view trimmed = base::trim(text);
  std::string_view line = trimmed.substr(trimmed.rfind('\n') + 1);
  return line.empty() ? cat(network_.program, " has ended") : std::string(line);
}

std::array<pollfd, SharedNetwork::kWaits> SharedNetwork::waits() const {
  return {pollfd{ready_.get(), POLLIN, 0},
          pollfd{process_ ? process_->pidfd().get() : -1, POLLIN, 0}};
}

std::optional<std::chrono::steady_clock::time_point> SharedNetwork::deadline() const {
  return phase_ == Phase::kStarting ? std::optional(deadline_) : std::nullopt;
}

bool SharedNetwork::look() {
  std::array<pollfd, kWaits> states = waits();
  check([&] { return ::poll(states.data(), states.size(), 0); }, "poll");
  bool has_ended = states[1].revents != 0;
  if (phase_ == Phase::kStarting) {
    char byte = 0;
    if (states[0].revents != 0 && base::read_some(ready_, {&byte, 1}, "network") == 1) {
      ready_.reset();
      phase_ = Phase::kReady;
      return true;
    }
    // The end of the pipe without a byte is the program's end, or it does not do as it was told.
    if (has_ended || states[0].revents != 0) {
      fail(last_message());
      return true;
    }
    if (std::chrono::steady_clock::now() >= deadline_) {
      fail(cat(network_.program, " does not become ready"));
      return true;
    }
    return false;
  }
  if (phase_ == Phase::kReady && has_ended) {
    phase_ = Phase::kLost;
    problem_ = last_message();
    process_.reset();
    return true;
  }
  return false;
}

void bring_up_loopback() {
  int error_number = try_bring_up_loopback();
  if (error_number != 0) {
    throw base::system_error(error_number, "bring up", "lo");
  }
}

}  // namespace slipway::builder
