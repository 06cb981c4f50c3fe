#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/stop.h"
#include "base/stream.h"
#include "base/text.h"

namespace slipway::base {

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// Signals that a parent ignores or blocks must not stay so in the child.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// dup2 onto a number that is still needed as a source would lose it, so sources move above every
// target first.
std::vector<Fd> add_descriptors(SpawnActions& actions,
                                const std::vector<std::pair<int, int>>& descriptors) {
  int above = 3;
  for (const auto& [ours, theirs] : descriptors) {
    above = std::max(above, theirs + 1);
  }
  std::vector<Fd> moved;
  for (const auto& [ours, theirs] : descriptors) {
    moved.emplace_back(
        check([&, source = ours] { return ::fcntl(source, F_DUPFD_CLOEXEC, above); }, "fcntl"));
    ::posix_spawn_file_actions_adddup2(actions.get(), moved.back().get(), theirs);
  }
  return moved;
}

void append_limited(std::string& out, std::string_view bytes, std::size_t limit_bytes) {
  out += bytes.substr(0, limit_bytes - std::min(limit_bytes, out.size()));
}

struct Exchange {
  Fd in;
  std::string_view input;
  std::array<Fd, 2> outputs;
  std::array<std::string*, 2> texts;
  std::size_t limit_bytes;
};

void feed(Exchange& exchange) {
  ssize_t count = ::write(exchange.in.get(), exchange.input.data(), exchange.input.size());
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    exchange.in.reset();  // EPIPE: the child does not want the rest
    return;
  }
  exchange.input.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  if (exchange.input.empty()) {
    exchange.in.reset();
  }
}

void drain(Exchange& exchange, std::size_t which) {
  std::array<char, 16384> piece;
  std::size_t count = read_some(exchange.outputs[which], piece);
  if (count == 0) {
    exchange.outputs[which].reset();
    return;
  }
  append_limited(*exchange.texts[which], {piece.data(), count}, exchange.limit_bytes);
}

void exchange_all(Exchange& exchange, const std::stop_token& stop) {
  StopEvent stopping(stop);
  while (exchange.outputs[0] || exchange.outputs[1]) {
    std::array<pollfd, 4> waits = {
        pollfd{stopping.fd().get(), POLLIN, 0}, pollfd{exchange.in.get(), POLLOUT, 0},
        pollfd{exchange.outputs[0].get(), POLLIN, 0}, pollfd{exchange.outputs[1].get(), POLLIN, 0}};
    check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
    throw_if_stopped(stop);
    if (waits[1].revents != 0) {
      feed(exchange);
    }
    for (std::size_t which : {0U, 1U}) {
      if (waits[which + 2].revents != 0) {
        drain(exchange, which);
      }
    }
  }
}

}  // namespace

std::string ExitStatus::text() const {
  if (kind == Kind::kExited) {
    return cat("exit code: ", value);
  }
  const char* name = ::sigdescr_np(value);
  return cat("signal: ", name == nullptr ? "unknown" : to_lower_ascii(name));
}

ExitStatus exit_status_of_wait(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return {ExitStatus::Kind::kSignaled, WTERMSIG(wait_status)};
  }
  return {ExitStatus::Kind::kExited, WEXITSTATUS(wait_status)};
}

Child Child::spawn(const SpawnOptions& options) {
  SpawnActions actions;
  std::vector<Fd> moved = add_descriptors(actions, options.descriptors);
  if (!options.working_directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(actions.get(), options.working_directory.c_str());
  }
  SpawnAttributes attributes;
  std::vector<char*> argv = pointers_to(options.argv);
  std::vector<char*> environment = pointers_to(options.environment);
  pid_t pid = -1;
  const std::string& program = options.program.empty() ? options.argv[0] : options.program;
  int result = ::posix_spawnp(&pid, program.c_str(), actions.get(), attributes.get(), argv.data(),
                              environment.data());
  if (result != 0) {
    throw system_error(result, "run", program);
  }
  long pidfd = ::syscall(SYS_pidfd_open, pid, 0);
  Child child(pid, Fd(static_cast<int>(pidfd)));
  if (pidfd < 0) {
    throw system_error(errno, "pidfd_open", options.argv[0]);
  }
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
}

void Child::kill(int signal) {
  if (pid_ > 0) {
    ::kill(pid_, signal);
  }
}

ExitStatus Child::wait() {
  int status = 0;
  check([&] { return ::waitpid(pid_, &status, 0); }, "waitpid");
  pid_ = -1;
  return exit_status_of_wait(status);
}

ExitStatus Child::wait(std::stop_token stop) {
  StopEvent stopping(stop);
  std::array<pollfd, 2> waits = {pollfd{stopping.fd().get(), POLLIN, 0},
                                 pollfd{pidfd_.get(), POLLIN, 0}};
  check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll");
  if (waits[1].revents == 0) {
    kill(SIGKILL);
    wait();
    fail(ErrorKind::kCancelled, "cancelled");
  }
  return wait();
}

Output run_program(const SpawnOptions& options, const std::string& input, std::size_t limit_bytes,
                   std::stop_token stop) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  SpawnOptions wired = options;
  wired.descriptors.insert(
      wired.descriptors.end(),
      {{in.read_end.get(), 0}, {out.write_end.get(), 1}, {err.write_end.get(), 2}});
  Child child = Child::spawn(wired);
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  check([&] { return ::fcntl(in.write_end.get(), F_SETFL, O_NONBLOCK); }, "fcntl");
  Output output;
  Exchange exchange{std::move(in.write_end),
                    input,
                    {std::move(out.read_end), std::move(err.read_end)},
                    {&output.out, &output.err},
                    limit_bytes};
  if (input.empty()) {
    exchange.in.reset();
  }
  exchange_all(exchange, stop);
  output.status = child.wait(stop);
  return output;
}

}  // namespace slipway::base
