#include "builder/sandbox/chroot_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/command.h"
#include "builder/sandbox/descendants.h"
#include "builder/sandbox/init.h"
#include "builder/sandbox/process_guard.h"
#include "builder/sandbox/terminal.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

// Passes on what comes through a fifo, as fast as the reader takes it and without waiting for it.
class OutputRelay {
 public:
  OutputRelay(const Fd& root, const char* fifo, Fd out) : out_(std::move(out)) {
    // For writing, too: the fifo then never ends.
    in_ = base::open_beneath(root, fifo, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    writer_ = base::open_beneath(root, fifo, O_WRONLY | O_NOFOLLOW);
  }

  // What the command gets as its stream.
  Fd take_writer() { return std::move(writer_); }

  std::array<pollfd, 2> waits() const {
    bool has_bytes = begin_ < end_;
    return {pollfd{has_bytes ? -1 : in_.get(), POLLIN, 0},
            pollfd{has_bytes ? out_.get() : -1, POLLOUT, 0}};
  }

  void serve(const pollfd* waits) {
    if (waits[0].revents != 0) {
      read();
    } else if (waits[1].revents != 0) {
      write(PIPE_BUF);
    }
  }

  // All that is in it, now that nobody writes any more.
  void drain() {
    do {
      while (begin_ < end_) {
        write(buffer_.size());
      }
      read();
    } while (begin_ < end_);
  }

 private:
  void read() {
    ssize_t got = ::read(in_.get(), buffer_.data(), buffer_.size());
    begin_ = 0;
    end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  // A pipe that can be written to takes PIPE_BUF without waiting.
  void write(std::size_t most) {
    ssize_t done = ::write(out_.get(), buffer_.data() + begin_, std::min(most, end_ - begin_));
    if (done > 0) {
      begin_ += static_cast<std::size_t>(done);
    } else if (errno == EAGAIN) {
      pollfd wait{out_.get(), POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      // Nobody reads. Whoever writes now learns it.
      begin_ = end_ = 0;
      in_.reset();
    }
  }

  Fd in_;
  Fd writer_;
  Fd out_;
  std::array<char, 65536> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class ChrootInit {
 public:
  ChrootInit(StepProcess& process, SandboxSpec spec)
      : process_(process),
        spec_(std::move(spec)),
        proc_(base::open_directory("/proc")),
        root_(base::open_directory(std::get<PlainRoot>(spec_.root).directory)) {}

  [[noreturn]] void run() {
    check([] { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); },
          "prctl PR_SET_CHILD_SUBREAPER");
    wait_for_group();
    open_streams();
    start();
    while (!end_status_) {
      wait();
    }
    finish();
  }

 private:
  // A pipe that closes without a byte means that the helper could not do it: it says why.
  void wait_for_group() {
    char byte = 0;
    if (process_.go && base::read_some(process_.go, {&byte, 1}, "helper") == 0) {
      ::_exit(1);
    }
  }

  void open_streams() {
    if (spec_.terminal) {
      Terminal terminal = open_terminal(base::open_directory("/dev/pts"), *spec_.terminal);
      for (Fd& stream : process_.stdio) {
        stream = terminal.line.duplicate();
      }
      send_report(process_.report, report::Terminal{}, &terminal.control);
      return;
    }
    std::optional<struct stat> error = base::find_status(root_, kErrorFifo);
    bool is_one = !error || !S_ISFIFO(error->st_mode);
    output_.emplace(root_, kOutputFifo, std::move(process_.stdio[1]));
    process_.stdio[1] = output_->take_writer();
    if (is_one) {
      process_.stdio[2] = process_.stdio[1].duplicate();
    } else {
      error_.emplace(root_, kErrorFifo, std::move(process_.stdio[2]));
      process_.stdio[2] = error_->take_writer();
    }
  }

  void start() {
    base::SocketPair sockets = base::make_socket_pair();
    bool has_filter = !(spec_.seccomp && spec_.seccomp->empty());
    CommandSetup setup{
        .spec = spec_,
        .stdio = {process_.stdio[0].get(), process_.stdio[1].get(), process_.stdio[2].get()},
        .stdio_is_terminal = spec_.terminal.has_value(),
        .may_set_groups = process_.surroundings.may_set_groups,
        .seccomp = !has_filter     ? std::string_view()
                   : spec_.seccomp ? std::string_view(*spec_.seccomp)
                                   : process_.seccomp,
        .record_owners = {},
        .pretend_owners = {},
        .listener_socket = &sockets.second,
        .root = &root_,
        .guard = process_.guard,
        .open_files = process_.open_files,
        .report = process_.report};
    command_ = start_command(setup);
    process_.stdio = {};
    process_.go.reset();
    sockets.second.reset();
    Packet packet = receive_packet(sockets.first);
    if (!packet.descriptors.empty()) {
      guard_.emplace(std::move(packet.descriptors.front()), proc_);
    }
    sigset_t all;
    ::sigfillset(&all);
    signals_ = Fd(check([&] { return ::signalfd(-1, &all, SFD_CLOEXEC); }, "signalfd"));
    set_capabilities(std::uint64_t{1} << CAP_KILL);
  }

  void wait() {
    reap();
    if (end_status_) {
      return;
    }
    std::vector<pollfd> waits = {pollfd{signals_.get(), POLLIN, 0},
                                 pollfd{guard_ ? guard_->descriptor() : -1, POLLIN, 0}};
    for (const std::optional<OutputRelay>* relay : {&output_, &error_}) {
      for (const pollfd& one :
           *relay ? (*relay)->waits() : std::array<pollfd, 2>{kNothing, kNothing}) {
        waits.push_back(one);
      }
    }
    check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
    if (waits[0].revents != 0) {
      take_signal();
    }
    if ((waits[1].revents & POLLIN) != 0) {
      guard_->answer();
    } else if (waits[1].revents != 0) {
      guard_->hang_up();
    }
    if (output_) {
      output_->serve(&waits[2]);
    }
    if (error_) {
      error_->serve(&waits[4]);
    }
  }

  void reap() {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == command_) {
        end_status_ = status;
      }
    }
  }

  void take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info ||
        info.ssi_signo == static_cast<unsigned>(SIGCHLD)) {
      return;
    }
    auto number = static_cast<int>(info.ssi_signo);
    if (number == chroot_end_signal()) {
      kill_descendants(proc_, {});
      ::_exit(0);
    }
    ::kill(command_, number);
  }

  [[noreturn]] void finish() {
    kill_descendants(proc_, {});
    for (std::optional<OutputRelay>* relay : {&output_, &error_}) {
      if (*relay) {
        (*relay)->drain();
      }
    }
    send_report(process_.report, report::CommandEnded{*end_status_});
    ::_exit(0);
  }

  static constexpr pollfd kNothing{-1, 0, 0};

  StepProcess& process_;
  SandboxSpec spec_;
  Fd proc_;
  Fd root_;
  std::optional<OutputRelay> output_;
  std::optional<OutputRelay> error_;
  std::optional<ProcessGuard> guard_;
  Fd signals_;
  pid_t command_ = -1;
  std::optional<int> end_status_;
};

// If the helper is dead already, its end of the pipe is closed.
void end_with_helper(StepProcess& process) {
  check([] { return ::prctl(PR_SET_PDEATHSIG, chroot_end_signal(), 0, 0, 0); },
        "prctl PR_SET_PDEATHSIG");
  pollfd wait{process.helper_is_alive.get(), POLLIN, 0};
  if (::poll(&wait, 1, 0) != 0) {
    ::_exit(1);
  }
  process.helper_is_alive.reset();
}

}  // namespace

void run_chroot_process(StepProcess process) {
  try {
    block_all_signals();
    end_with_helper(process);
    ::umask(0);
    check([] { return ::prctl(PR_SET_NAME, kHelperName, 0, 0, 0); }, "prctl PR_SET_NAME");
    check([] { return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }, "prctl PR_SET_DUMPABLE");
    ChrootInit(process, decode_spec(process.spec_bytes)).run();
  } catch (const base::Error& error) {
    // The boundary of the process: the owner throws it again.
    send_report(process.report, failed_report(error));
  }
  ::_exit(1);
}

}  // namespace slipway::builder
