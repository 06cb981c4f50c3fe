// The helper: one thread, one poll loop. It clones a process per step and waits for its end; all
// that takes time happens in the clones.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/step_process.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

struct Running {
  pid_t pid = -1;
  Fd pidfd;
  Fd socket;  // to the owner
};

// What a launch packet brings, in the order of its descriptors.
struct Request {
  Launch launch;
  std::string bytes;  // wiped by the destructor: secrets may be among them
  std::size_t spec_start = 0;
  Fd socket;
  std::array<Fd, 3> stdio;

  Request() = default;
  Request(Request&&) = default;
  Request& operator=(Request&&) = delete;
  ~Request() { ::explicit_bzero(bytes.data(), bytes.size()); }
  std::string_view spec() const { return std::string_view(bytes).substr(spec_start); }
};

Request read_request(Packet packet) {
  if (packet.descriptors.size() < 4) {
    base::fail(base::ErrorKind::kInternal, "a launch came without its descriptors");
  }
  Request request;
  request.socket = std::move(packet.descriptors[0]);
  for (std::size_t index = 0; index < 3; ++index) {
    request.stdio[index] = std::move(packet.descriptors[index + 1]);
  }
  request.bytes = std::move(packet.bytes);
  ArchiveReader reader(request.bytes);
  reader(request.launch);
  request.spec_start = request.bytes.size() - reader.left().size();
  if (request.launch.spec_in_file) {
    constexpr std::size_t kSpecBytesMax = std::size_t{1} << 30;
    request.bytes = base::read_to_end(packet.descriptors.at(4), kSpecBytesMax, "sandbox spec");
    request.spec_start = 0;
  }
  return request;
}

rlimit raise_open_files() {
  rlimit before{};
  check([&] { return ::getrlimit(RLIMIT_NOFILE, &before); }, "getrlimit");
  rlimit raised{before.rlim_max, before.rlim_max};
  check([&] { return ::setrlimit(RLIMIT_NOFILE, &raised); }, "setrlimit");
  return before;
}

class Helper {
 public:
  explicit Helper(Fd control)
      : control_(std::move(control)),
        open_files_(raise_open_files()),
        surroundings_(find_surroundings()),
        seccomp_(compile_seccomp(default_seccomp_profile(kDefaultCapabilities))) {
    base::Pipe pipe = base::make_pipe();
    life_read_ = std::move(pipe.read_end);
    life_write_ = std::move(pipe.write_end);
  }

  void run() {
    while (control_ || !running_.empty()) {
      wait();
    }
  }

 private:
  void wait() {
    std::vector<pollfd> waits;
    waits.push_back({control_.get(), POLLIN, 0});
    for (const Running& step : running_) {
      waits.push_back({step.pidfd.get(), POLLIN, 0});
      waits.push_back({step.socket.get(), POLLIN, 0});
    }
    check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
    for (std::size_t index = running_.size(); index-- > 0;) {
      serve(index, waits[1 + 2 * index], waits[2 + 2 * index]);
    }
    if (waits[0].revents != 0) {
      take_request();
    }
  }

  void serve(std::size_t index, const pollfd& process, const pollfd& socket) {
    if (process.revents != 0) {
      finish(index);
    } else if (socket.revents != 0) {
      take_signal(running_[index]);
    }
  }

  // The owner's end closed means that nobody wants the step any more.
  void take_signal(Running& step) {
    Packet packet = receive_packet(step.socket);
    int number = SIGKILL;
    if (packet.bytes.size() == sizeof number) {
      std::memcpy(&number, packet.bytes.data(), sizeof number);
    }
    // ESRCH: it has just ended.
    ::syscall(SYS_pidfd_send_signal, step.pidfd.get(), number, nullptr, 0);
    if (packet.bytes.empty()) {
      step.socket.reset();
    }
  }

  void take_request() {
    Packet packet = receive_packet(control_);
    if (packet.bytes.empty()) {
      control_.reset();
      for (Running& step : running_) {
        ::syscall(SYS_pidfd_send_signal, step.pidfd.get(), SIGKILL, nullptr, 0);
      }
      return;
    }
    Request request = read_request(std::move(packet));
    try {
      launch(request);
    } catch (const base::Error& error) {
      // The boundary of the helper: the owner throws it again.
      send_report(request.socket, failed_report(error));
      send_report(request.socket, report::Done{});
    }
  }

  void launch(Request& request) {
    Running step;
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
    arguments.flags |= request.launch.network == NetworkMode::kHost ? 0 : CLONE_NEWNET;
    arguments.exit_signal = SIGCHLD;
    arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    step.pid = static_cast<pid_t>(check(
        [&] { return ::syscall(SYS_clone3, &arguments, sizeof arguments); }, "clone3", "a step"));
    if (step.pid == 0) {
      become_step(request);
    }
    step.pidfd = Fd(pidfd);
    step.socket = std::move(request.socket);
    running_.push_back(std::move(step));
  }

  // In the clone. The descriptors of other steps must go at once: a socket that we kept would hide
  // its owner's end from the helper.
  [[noreturn]] void become_step(Request& request) {
    control_.reset();
    life_write_.reset();
    running_.clear();
    run_step_process({.launch = request.launch,
                      .spec_bytes = request.spec(),
                      .surroundings = surroundings_,
                      .seccomp = seccomp_,
                      .open_files = open_files_,
                      .report = std::move(request.socket),
                      .helper_is_alive = std::move(life_read_),
                      .go = Fd(),
                      .stdio = std::move(request.stdio)});
  }

  void finish(std::size_t index) {
    Running step = std::move(running_[index]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
    rusage usage{};
    report::Done done;
    check([&] { return ::wait4(step.pid, &done.wait_status, 0, &usage); }, "wait4");
    auto microseconds = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
    done.usage = {microseconds(usage.ru_utime), microseconds(usage.ru_stime),
                  static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
    if (step.socket) {
      send_report(step.socket, done);
    }
  }

  Fd control_;
  rlimit open_files_;
  Surroundings surroundings_;
  std::string seccomp_;
  Fd life_read_;  // steps see through it that we have died
  Fd life_write_;
  std::vector<Running> running_;
};

// Somebody may call us by hand; then descriptor 3 is not the owner's socket.
bool is_control_socket(int number) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

bool is_sandbox_helper(int argc, char** argv) {
  return argc == 2 && std::string_view(argv[0]) == kHelperName &&
         std::string_view(argv[1]) == kHelperArgument;
}

int sandbox_helper_main(int /*argc*/, char** /*argv*/) {
  constexpr int kNotForPeople = 2;
  if (!is_control_socket(kControlDescriptor)) {
    return kNotForPeople;
  }
  // Whatever the owner left open for its programs is none of ours, nor of the steps'.
  dispose_descriptors_above(kControlDescriptor, Disposal::kClose);
  Fd control(kControlDescriptor);
  check([&] { return ::fcntl(control.get(), F_SETFD, FD_CLOEXEC); }, "fcntl");
  // Out of the terminal's reach: Ctrl-C is for the owner, which then decides.
  check([] { return ::setsid(); }, "setsid");
  Helper(std::move(control)).run();
  return 0;
}

}  // namespace slipway::builder
