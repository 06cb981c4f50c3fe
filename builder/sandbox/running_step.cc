#include "builder/sandbox/running_step.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/chroot_process.h"
#include "builder/sandbox/step_process.h"

namespace slipway::builder {

using base::check;
using base::Fd;

void RunningStep::help() {
  if (go.write_end) {
    cgroup.enter_legacy(pid);
    if (only_chroot && cgroup.unified()) {
      Fd processes = base::open_at(cgroup.unified(), "cgroup.procs", O_WRONLY);
      base::write_all(processes, base::cat(pid), "cgroup.procs");
    }
    base::write_all(go.write_end, {&kGroupIsEntered, 1}, "a step");
  }
  if (network != nullptr && network->phase() == SharedNetwork::Phase::kFailed) {
    notice_of_network();
    network = nullptr;
  }
}

void RunningStep::tell_of_network() {
  using enum SharedNetwork::Phase;
  switch (network->phase()) {
    case kStarting:
      return;
    case kReady:
      base::write_all(go.write_end, {&kNetworkIsReady, 1}, "a step");
      return;
    case kFailed:
      notice_of_network();
      base::write_all(go.write_end, {&kNoNetwork, 1}, "a step");
      network = nullptr;
      return;
    case kLost:
      lose_network();
  }
}

void RunningStep::notice_of_network() const {
  if (socket) {
    send_report(socket, report::Notice{base::cat(
                            "steps use the machine's network, because one of their own cannot be "
                            "had: ",
                            network->problem())});
  }
}

// A step is not left running with a network that has gone away.
void RunningStep::lose_network() {
  base::Error error(base::ErrorKind::kSystem, "the program of the step's network has ended");
  error.add_note(network->problem());
  network = nullptr;
  if (socket) {
    send_report(socket, failed_report(error));
  }
  kill();
}

void RunningStep::send_signal(int number) const {
  if (only_chroot && number == SIGKILL) {
    number = chroot_end_signal();
  }
  // ESRCH: it has just ended.
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

void RunningStep::kill() const {
  send_signal(SIGKILL);
}

void RunningStep::take_signal() {
  Packet packet = receive_packet(socket);
  int number = SIGKILL;
  if (packet.bytes.size() == sizeof number) {
    std::memcpy(&number, packet.bytes.data(), sizeof number);
  }
  send_signal(number);
  if (packet.bytes.empty()) {
    socket.reset();
  }
}

report::Done RunningStep::reap() const {
  rusage usage{};
  report::Done done;
  check([&] { return ::wait4(pid, &done.wait_status, 0, &usage); }, "wait4");
  auto microseconds = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
  done.usage = {microseconds(usage.ru_utime), microseconds(usage.ru_stime),
                static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
  return done;
}

void RunningStep::end(report::Done done) {
  done.out_of_memory = cgroup.was_out_of_memory();
  // Gone before the owner hears of the end.
  cgroup.remove();
  done.used_fuse = fuse.has_value();
  end_overlays();
  if (socket) {
    send_report(socket, done);
  }
}

// The step's mounts are gone and all that was written has reached the upper directory.
void RunningStep::end_overlays() {
  std::optional<std::string> problem = fuse ? fuse->problem() : std::nullopt;
  if (problem && socket) {
    send_report(socket, report::Notice{std::move(*problem)});
  }
  fuse.reset();
}

}  // namespace slipway::builder
