#include "builder/sandbox/step_clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/chroot_process.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/process_guard.h"
#include "builder/sandbox/seccomp_filter.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

rlimit raise_open_files() {
  rlimit before{};
  check([&] { return ::getrlimit(RLIMIT_NOFILE, &before); }, "getrlimit");
  rlimit raised{before.rlim_max, before.rlim_max};
  check([&] { return ::setrlimit(RLIMIT_NOFILE, &raised); }, "setrlimit");
  return before;
}

clone_args arguments_for(const Launch& launch, const RunningStep& step, int& pidfd) {
  clone_args arguments{};
  arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
  arguments.flags |= launch.network == NetworkMode::kNone ? CLONE_NEWNET : 0;
  arguments.exit_signal = SIGCHLD;
  if (step.cgroup.unified()) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(step.cgroup.unified().get());
  }
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  return arguments;
}

// EPERM: root of a container that has neither the right nor a way around it.
pid_t clone_into_namespaces(const Launch& launch, const RunningStep& step, int& pidfd) {
  clone_args arguments = arguments_for(launch, step, pidfd);
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0 && errno == EPERM) {
    base::fail(base::ErrorKind::kDenied,
               "a step can't have namespaces of its own here: there is no CAP_SYS_ADMIN, and no "
               "user namespace to have it in",
               "permit user namespaces in this container (seccomp and AppArmor profiles, sysctl "
               "user.max_user_namespaces), or give it CAP_SYS_ADMIN");
  }
  return static_cast<pid_t>(check([&] { return pid; }, "clone3", "a step"));
}

// By clone, because the filters of containers hide clone3.
pid_t clone_without_namespaces(int& pidfd) {
  return static_cast<pid_t>(
      check([&] { return ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, 0, 0); },
            "clone", "a step"));
}

bool is_starting(const SharedNetwork* network) {
  return network != nullptr && network->phase() == SharedNetwork::Phase::kStarting;
}

Fd network_of(const RunningStep& step) {
  return step.network != nullptr && step.network->name_space()
             ? step.network->name_space().duplicate()
             : Fd();
}

}  // namespace

StepCloner::StepCloner()
    : open_files_(raise_open_files()),
      surroundings_(find_surroundings()),
      seccomp_(compile_seccomp(default_seccomp_profile(kDefaultCapabilities))) {
  if (surroundings_.has_one_id) {
    record_owners_ = compile_seccomp(one_id_profile(OwnerCalls::kRecord));
    pretend_owners_ = compile_seccomp(one_id_profile(OwnerCalls::kPretend));
  }
  base::Pipe pipe = base::make_pipe();
  life_read_ = std::move(pipe.read_end);
  life_write_ = std::move(pipe.write_end);
}

void StepCloner::prepare_chroot() {
  if (!guard_.empty()) {
    return;
  }
  check([] { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }, "prctl PR_SET_CHILD_SUBREAPER");
  chroot_seccomp_ = compile_seccomp(default_seccomp_profile(kChrootCapabilities));
  guard_ = compile_seccomp(process_guard_profile());
}

void StepCloner::clone(Request& request, RunningStep& step) {
  bool enters_group = step.cgroup.has_legacy() || (step.only_chroot && step.cgroup.unified());
  if (enters_group || is_starting(step.network)) {
    step.go = base::make_pipe();
  }
  int pidfd = -1;
  step.pid = step.only_chroot ? clone_without_namespaces(pidfd)
                              : clone_into_namespaces(request.launch, step, pidfd);
  if (step.pid == 0) {
    become_step(request, step);
  }
  step.pidfd = Fd(pidfd);
}

std::unique_ptr<Spare> StepCloner::clone_spare(const Launch& launch, RunningStep& common) {
  base::SocketPair sockets = base::make_socket_pair();
  int pidfd = -1;
  clone_args arguments = arguments_for(launch, common, pidfd);
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    become_spare(launch, std::move(sockets.second), common);
  }
  if (pid < 0) {
    return nullptr;
  }
  return std::make_unique<Spare>(static_cast<pid_t>(pid), Fd(pidfd), std::move(sockets.first),
                                 launch, common.network);
}

// In the clone, which never returns from here: no destructor of what is the helper's runs. What the
// step has no use for is closed at once, as the kernel's descriptors and not one owner after the
// other: a socket of another step would hide its owner's end from the helper, a FUSE device would
// keep another step's files waiting for ever.
void StepCloner::become_step(Request& request, RunningStep& step) noexcept {
  StepProcess process = process_of(request.launch, step);
  process.spec_bytes = request.spec();
  process.report = std::move(request.socket);
  process.stdio = std::move(request.stdio);
  close_descriptors_except(descriptors_of(process));
  if (step.only_chroot) {
    run_chroot_process(std::move(process));
  }
  run_step_process(std::move(process));
}

void StepCloner::become_spare(const Launch& launch, Fd requests, RunningStep& common) noexcept {
  StepProcess process = process_of(launch, common);
  process.requests = std::move(requests);
  close_descriptors_except(descriptors_of(process));
  run_step_process(std::move(process));
}

// What does not depend on the request.
StepProcess StepCloner::process_of(const Launch& launch, RunningStep& step) {
  return {.launch = launch,
          .spec_bytes = {},
          .surroundings = surroundings_,
          .seccomp = step.only_chroot ? chroot_seccomp_ : seccomp_,
          .record_owners = record_owners_,
          .pretend_owners = pretend_owners_,
          .guard = guard_,
          .open_files = open_files_,
          .report = {},
          .requests = {},
          .helper_is_alive = std::move(life_read_),
          .go = std::move(step.go.read_end),
          .network = network_of(step),
          .network_is_starting = is_starting(step.network),
          .stdio = {},
          .cgroup_views = step.cgroup.views(),
          .fuse = step.fuse ? step.fuse->take_connections() : FuseConnections{}};
}

}  // namespace slipway::builder
