#include "builder/sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/stop.h"
#include "base/text.h"
#include "builder/sandbox/chroot_root.h"
#include "builder/sandbox/fuse_overlay.h"
#include "builder/sandbox/mount_point.h"
#include "builder/sandbox/sealed_program.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using Clock = std::chrono::steady_clock;

void check_spec(const SandboxSpec& spec) {
  if (spec.argv.empty()) {
    base::fail(base::ErrorKind::kInput, "a step needs a command");
  }
  if (spec.network == NetworkMode::kUser && !spec.user_network) {
    base::fail(base::ErrorKind::kInternal, "a step with a user network needs a program for it");
  }
  for (const std::vector<std::string>* texts : {&spec.argv, &spec.environment}) {
    for (const std::string& text : *texts) {
      if (text.contains('\0')) {
        base::fail(base::ErrorKind::kInput,
                   cat("a NUL byte in an argument or variable: ", base::quote(text)));
      }
    }
  }
}

// Where the mount points that a step had to make are taken away afterwards.
std::string directory_to_clean(const SandboxSpec& spec) {
  if (const auto* overlay = std::get_if<OverlayRoot>(&spec.root)) {
    return overlay->upper;
  }
  return std::get<PlainRoot>(spec.root).directory;
}

Fd spec_file(std::string_view bytes) {
  Fd file(check([] { return ::memfd_create("sandbox-spec", MFD_CLOEXEC); }, "memfd_create"));
  base::write_all(file, bytes, "sandbox spec");
  check([&] { return ::lseek(file.get(), 0, SEEK_SET); }, "lseek", "sandbox spec");
  return file;
}

[[noreturn]] void fail_without_helper() {
  base::fail(base::ErrorKind::kInternal, "the sandbox helper has ended unexpectedly");
}

}  // namespace

struct Step::State {
  Fd socket;
  std::string made_in;
  std::string upper;  // empty if there is none
  std::optional<Clock::time_point> deadline;
  StepResult result;
  std::optional<StepEnd> killed_for;
  std::optional<base::Error> error;
  std::optional<report::CommandEnded> command;
  std::optional<report::Done> done;
  report::Made made;
  Fd terminal;
  std::unique_ptr<ChrootStep> chroot;  // null where the step has namespaces

  void send_signal(int number) {
    send_packet(socket, {reinterpret_cast<const char*>(&number), sizeof number}, {});
  }
  void kill_for(StepEnd end) {
    if (!killed_for) {
      killed_for = end;
      send_signal(SIGKILL);
    }
  }
  void read_report();
  void note(Report& report, Packet& packet);
  bool is_time_for_work() const;
  void wait_for_done(const WorkAtEnd& work, const std::stop_token& stop);
  void clean() const {
    if (!made_in.empty() && !(made.stubs.empty() && made.parents.empty())) {
      remove_made(base::open_directory(made_in), made);
    }
  }
  StepResult take_result();
};

void Step::State::read_report() {
  Packet packet = receive_packet(socket);
  if (packet.bytes.empty()) {
    fail_without_helper();
  }
  Report report = parse_report(packet.bytes);
  note(report, packet);
}

void Step::State::note(Report& report, Packet& packet) {
  if (auto* failed = std::get_if<report::Failed>(&report)) {
    error = error_of(std::move(*failed));
  } else if (auto* what = std::get_if<report::Made>(&report)) {
    made = std::move(*what);
  } else if (std::holds_alternative<report::Terminal>(report) && !packet.descriptors.empty()) {
    terminal = std::move(packet.descriptors.front());
  } else if (auto* notice = std::get_if<report::Notice>(&report)) {
    result.notices.push_back(std::move(notice->text));
  } else if (auto* refused = std::get_if<report::NotExecuted>(&report)) {
    result.end = StepEnd::kNotExecuted;
    result.status = {base::ExitStatus::Kind::kExited, refused->code};
    result.message = std::move(refused->message);
  } else if (auto* ended = std::get_if<report::CommandEnded>(&report)) {
    command = *ended;
  } else if (auto* last = std::get_if<report::Done>(&report)) {
    done = *last;
  }
}

bool Step::State::is_time_for_work() const {
  return command && command->files_are_final &&
         base::exit_status_of_wait(command->wait_status).success() && !error && !killed_for &&
         made.stubs.empty() && made.parents.empty();
}

void Step::State::wait_for_done(const WorkAtEnd& work, const std::stop_token& stop) {
  std::optional<base::StopEvent> stopping;
  if (stop.stop_possible()) {
    stopping.emplace(stop);
  }
  bool is_to_work = work != nullptr;
  while (!done) {
    if (is_to_work && is_time_for_work()) {
      is_to_work = false;
      work();
      continue;
    }
    int wait_ms = -1;
    if (deadline && !killed_for) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
      wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
    }
    std::array<pollfd, 2> waits = {
        pollfd{socket.get(), POLLIN, 0},
        pollfd{stopping && !killed_for ? stopping->fd().get() : -1, POLLIN, 0}};
    int ready = check([&] { return ::poll(waits.data(), waits.size(), wait_ms); }, "poll");
    if (waits[0].revents != 0) {
      read_report();
    } else if (waits[1].revents != 0) {
      kill_for(StepEnd::kCancelled);
    } else if (ready == 0 && deadline && Clock::now() >= *deadline) {
      kill_for(StepEnd::kTimeout);
    }
  }
}

StepResult Step::State::take_result() {
  // A mount point that fuse-overlayfs has made has a mark in it.
  if (done->used_fuse && !upper.empty()) {
    translate_fuse_marks(upper);
  }
  clean();
  if (chroot) {
    chroot->finish();
    chroot.reset();
  }
  if (error) {
    throw std::move(*error);
  }
  result.usage = done->usage;
  if (result.end == StepEnd::kNotExecuted) {
    return std::move(result);
  }
  // Without a report of the command the init itself was killed.
  result.status = base::exit_status_of_wait(command ? command->wait_status : SIGKILL);
  if (killed_for && !command) {
    result.end = *killed_for;
  } else if (done->out_of_memory && !result.status.success()) {
    result.end = StepEnd::kOutOfMemory;
  }
  return std::move(result);
}

Step::Step(std::unique_ptr<State> state) : state_(std::move(state)) {}
Step::Step(Step&&) noexcept = default;

// Quietly: whoever lets go of a running step has no use for errors of its end.
Step::~Step() {
  if (!state_ || state_->done) {
    return;
  }
  int kill_number = SIGKILL;
  ::send(state_->socket.get(), &kill_number, sizeof kill_number, MSG_NOSIGNAL);
  char byte = 0;
  while (::recv(state_->socket.get(), &byte, 1, 0) > 0) {
  }
}

base::Fd Step::take_terminal() {
  while (!state_->terminal && !state_->done) {
    state_->read_report();
  }
  if (!state_->terminal) {
    state_->take_result();
    base::fail(base::ErrorKind::kInternal, "the step has no terminal to take");
  }
  return std::move(state_->terminal);
}

void Step::signal(int number) {
  state_->send_signal(number);
}

StepResult Step::wait(const WorkAtEnd& work, std::stop_token stop) {
  state_->wait_for_done(work, stop);
  return state_->take_result();
}

struct Sandbox::State {
  Fd control;
  std::optional<base::Child> helper;
  OverlayDriver overlay = OverlayDriver::kAuto;
  std::optional<ChrootRoots> chroot_roots;
  Fd null_device;
};

Sandbox::Sandbox(const SandboxOptions& options) : state_(std::make_unique<State>()) {
  state_->overlay = options.overlay;
  if (options.chroot) {
    state_->chroot_roots.emplace(*options.chroot);
  }
  state_->null_device = base::open_file("/dev/null", O_RDWR);
  Fd program = open_sealed_program(options.binary);
  base::SocketPair sockets = base::make_socket_pair();
  base::SpawnOptions spawn;
  spawn.program = cat("/proc/self/fd/", program.get());
  spawn.argv = {kHelperName, kHelperArgument};
  spawn.environment = options.environment;
  spawn.descriptors = {{state_->null_device.get(), 0},
                       {state_->null_device.get(), 1},
                       {sockets.second.get(), kControlDescriptor}};
  state_->helper.emplace(base::Child::spawn(spawn));
  state_->control = std::move(sockets.first);
}

// The helper ends when its socket does, after its steps.
void Sandbox::begin_end() {
  state_->control.reset();
}

Sandbox::~Sandbox() {
  begin_end();
  if (state_->helper) {
    state_->helper->wait();
  }
}

// Where the work throws, the step is waited for by its destructor.
StepResult Sandbox::run(const SandboxSpec& spec, const StepIo& io, const WorkAtEnd& work,
                        std::stop_token stop) {
  return begin(spec, io).wait(work, std::move(stop));
}

void Sandbox::expect(const UserNetwork& network) {
  if (state_->chroot_roots) {
    return;  // such steps have the machine's
  }
  Launch launch{.network = NetworkMode::kUser, .user_network = network};
  if (!send_packet(state_->control, to_bytes(launch), {})) {
    fail_without_helper();
  }
}

Step Sandbox::begin(const SandboxSpec& spec, const StepIo& io) {
  check_spec(spec);
  auto state = std::make_unique<Step::State>();
  if (state_->chroot_roots) {
    if (spec.runtime) {
      base::fail(base::ErrorKind::kDenied,
                 "an OCI runtime can't run steps where no namespace can be had",
                 "build without --runtime");
    }
    SandboxSpec plain = spec;
    state->chroot = state_->chroot_roots->begin(plain, io);
    return launch(plain, io, std::move(state));
  }
  state->made_in = directory_to_clean(spec);
  if (const auto* overlay = std::get_if<OverlayRoot>(&spec.root)) {
    state->upper = overlay->upper;
  }
  return launch(spec, io, std::move(state));
}

Step Sandbox::launch(const SandboxSpec& spec, const StepIo& io,
                     std::unique_ptr<Step::State> state) {
  if (spec.timeout) {
    state->deadline = Clock::now() + *spec.timeout;
  }
  base::SocketPair sockets = base::make_socket_pair();
  state->socket = std::move(sockets.first);

  Launch launch{.network = spec.network,
                .user_network = spec.user_network,
                .security = spec.security,
                .cgroup = spec.cgroup,
                .overlay = state_->overlay,
                .only_chroot = state->chroot != nullptr,
                .has_runtime = spec.runtime.has_value()};
  std::string spec_bytes = encode_spec(spec);
  launch.spec_in_file = spec_bytes.size() > kPacketBytesMax / 2;
  std::vector<int> descriptors = {sockets.second.get()};
  for (int stream : {io.in, io.out, io.err}) {
    descriptors.push_back(stream < 0 ? state_->null_device.get() : stream);
  }
  Fd file;
  std::string packet = to_bytes(launch);
  if (launch.spec_in_file) {
    file = spec_file(spec_bytes);
    descriptors.push_back(file.get());
  } else {
    packet += spec_bytes;
  }
  if (!send_packet(state_->control, packet, descriptors)) {
    fail_without_helper();
  }
  return Step(std::move(state));
}

}  // namespace slipway::builder
