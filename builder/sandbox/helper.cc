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

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/chroot_process.h"
#include "builder/sandbox/descendants.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/launch_request.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/oci_step.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/process_guard.h"
#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/spare.h"
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
  StepCgroup cgroup;
  // What the step waits on for us; with our copy of its end, telling one that has died is no error.
  base::Pipe go;
  SharedNetwork* network = nullptr;
  std::optional<FuseServer> fuse;
  bool only_chroot = false;  // then what it starts outlives it, if nobody ends that
};

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
        cgroups_(find_cgroups()),
        kernel_overlay_(!surroundings_.in_user_namespace || kernel_overlay_works_for_users()),
        seccomp_(compile_seccomp(default_seccomp_profile(kDefaultCapabilities))) {
    if (surroundings_.has_one_id) {
      record_owners_ = compile_seccomp(one_id_profile(OwnerCalls::kRecord));
      pretend_owners_ = compile_seccomp(one_id_profile(OwnerCalls::kPretend));
    }
    base::Pipe pipe = base::make_pipe();
    life_read_ = std::move(pipe.read_end);
    life_write_ = std::move(pipe.write_end);
  }

  void run() {
    while (control_ || !running_.empty()) {
      wait();
    }
    spare_.reset();
  }

 private:
  void wait() {
    std::vector<pollfd> waits;
    waits.push_back({control_.get(), POLLIN, 0});
    for (const auto& step : running_) {
      waits.push_back({step->pidfd.get(), POLLIN, 0});
      waits.push_back({step->socket.get(), POLLIN, 0});
      waits.push_back({step->fuse ? step->fuse->requests().get() : -1, POLLIN, 0});
    }
    waits.push_back({spare_ ? spare_->pidfd().get() : -1, POLLIN, 0});
    for (const auto& network : networks_) {
      std::ranges::copy(network->waits(), std::back_inserter(waits));
    }
    bool may_rest = !spare_is_wanted_;
    int ready = check(
        [&] { return ::poll(waits.data(), waits.size(), may_rest ? wait_ms() : kSpareDelayMs); },
        "poll");
    if (ready == 0 && !may_rest) {
      // A failure is none of any step's: the next one is cloned as if there were no spares.
      report_errors(Fd(), [&] { make_spare(); });
      return;
    }
    std::size_t after_steps = 1 + kWaitsPerStep * running_.size();
    if (waits[after_steps].revents != 0) {
      spare_.reset();
    }
    for (std::size_t index = running_.size(); index-- > 0;) {
      serve(index, &waits[1 + kWaitsPerStep * index]);
    }
    serve_networks();
    if (waits[0].revents != 0) {
      take_request();
    }
  }

  int wait_ms() const {
    int wait = -1;
    for (const auto& network : networks_) {
      if (auto deadline = network->deadline()) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline -
                                                                 std::chrono::steady_clock::now());
        int left_ms = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        wait = wait < 0 ? left_ms : std::min(wait, left_ms);
      }
    }
    return wait;
  }

  static constexpr std::size_t kWaitsPerStep = 3;
  // A spare is made when nothing else is to do, not while the end of a step is being told.
  static constexpr int kSpareDelayMs = 1;
  void serve(std::size_t index, const pollfd* waits) {
    if (waits[0].revents != 0) {
      finish(index);
    } else if (waits[1].revents != 0) {
      take_signal(*running_[index]);
    } else if (waits[2].revents != 0) {
      serve_overlay(*running_[index]);
    }
  }

  // The boundary of the helper: the owner throws the error again. True if there was none.
  template <typename Body>
  static bool report_errors(const Fd& socket, Body body) {
    try {
      body();
      return true;
    } catch (const base::Error& error) {
      if (socket) {
        send_report(socket, failed_report(error));
      }
      return false;
    }
  }

  static void kill(const Running& step) { send_signal(step, SIGKILL); }

  static void send_signal(const Running& step, int number) {
    if (step.only_chroot && number == SIGKILL) {
      number = chroot_end_signal();
    }
    // ESRCH: it has just ended.
    ::syscall(SYS_pidfd_send_signal, step.pidfd.get(), number, nullptr, 0);
  }

  static void serve_overlay(Running& step) {
    if (!report_errors(step.socket, [&] { step.fuse->serve(); })) {
      kill(step);
    }
  }

  void serve_networks() {
    for (const auto& network : networks_) {
      if (!network->look()) {
        continue;
      }
      for (const auto& step : running_) {
        if (step->network == network.get()) {
          tell_of_network(*step);
        }
      }
    }
    if (spare_ && spare_->shared_network() != nullptr &&
        spare_->shared_network()->phase() != SharedNetwork::Phase::kReady) {
      spare_.reset();
    }
    // A later step gets a new one. One that has failed stays, so that no step tries again.
    std::erase_if(networks_, [](const auto& network) {
      return network->phase() == SharedNetwork::Phase::kLost;
    });
  }

  static void tell_of_network(Running& step) {
    using enum SharedNetwork::Phase;
    switch (step.network->phase()) {
      case kStarting:
        return;
      case kReady:
        base::write_all(step.go.write_end, {&kNetworkIsReady, 1}, "a step");
        return;
      case kFailed:
        notice_of_network(step);
        base::write_all(step.go.write_end, {&kNoNetwork, 1}, "a step");
        step.network = nullptr;
        return;
      case kLost:
        lose_network(step);
    }
  }

  static void notice_of_network(Running& step) {
    if (step.socket) {
      send_report(step.socket, report::Notice{base::cat(
                                   "steps use the machine's network, because one of their own "
                                   "cannot be had: ",
                                   step.network->problem())});
    }
  }

  // A step is not left running with a network that has gone away.
  static void lose_network(Running& step) {
    base::Error error(base::ErrorKind::kSystem, "the program of the step's network has ended");
    error.add_note(step.network->problem());
    step.network = nullptr;
    if (step.socket) {
      send_report(step.socket, failed_report(error));
    }
    kill(step);
  }

  // The owner's end closed means that nobody wants the step any more.
  void take_signal(Running& step) {
    Packet packet = receive_packet(step.socket);
    int number = SIGKILL;
    if (packet.bytes.size() == sizeof number) {
      std::memcpy(&number, packet.bytes.data(), sizeof number);
    }
    send_signal(step, number);
    if (packet.bytes.empty()) {
      step.socket.reset();
    }
  }

  void take_request() {
    Packet packet = receive_packet(control_);
    if (packet.bytes.empty()) {
      control_.reset();
      for (const auto& step : running_) {
        kill(*step);
      }
      return;
    }
    Request request = read_request(std::move(packet));
    std::size_t running_before = running_.size();
    if (report_errors(request.socket, [&] { launch(request); })) {
      return;
    }
    // A step that has started and can't be helped is ended, and that is reported as ever.
    if (running_.size() > running_before) {
      kill(*running_.back());
    } else {
      send_report(request.socket, report::Done{});
    }
  }

  void launch(Request& request) {
    auto owned = std::make_unique<Running>();
    Running& step = *owned;
    step.only_chroot = request.launch.only_chroot;
    make_cgroup(request, step);
    prepare_overlays(request, step);
    if (step.only_chroot) {
      prepare_chroot();
    }
    if (request.launch.network == NetworkMode::kUser) {
      step.network = &network_for(*request.launch.user_network);
    }
    if (!give_to_spare(request, step)) {
      clone_for(request, step);
    }
    step.socket = request.socket.duplicate();
    running_.push_back(std::move(owned));
    if (step.fuse) {
      step.fuse->close_step_ends();
    }
    help(step);
  }

  void clone_for(Request& request, Running& step) {
    bool enters_group = step.cgroup.has_legacy() || (step.only_chroot && step.cgroup.unified());
    if (enters_group || is_starting(step.network)) {
      step.go = base::make_pipe();
    }
    int pidfd = -1;
    step.pid = clone_step(request.launch, step, pidfd);
    if (step.pid == 0) {
      become_step(request, step);
    }
    step.pidfd = Fd(pidfd);
  }

  // False if there is none, or none that fits.
  bool give_to_spare(const Request& request, Running& step) {
    if (!Spare::suits(request.launch) || step.fuse) {
      return false;
    }
    // Most builds have one kind of step. The first pays for no other.
    if (steps_for_spares_++ > 0) {
      wanted_of_spare_ = request.launch;
    }
    std::unique_ptr<Spare> spare = std::move(spare_);
    if (!spare || mounts_.have_changed() ||
        !spare->has_network(request.launch.network, step.network)) {
      return false;
    }
    std::optional<Spare::Process> process = spare->become(request);
    if (process) {
      step.pid = process->pid;
      step.pidfd = std::move(process->pidfd);
    }
    return process.has_value();
  }

  void make_spare() {
    spare_is_wanted_ = false;
    Running step;
    if (wanted_of_spare_->network == NetworkMode::kUser) {
      step.network = find_network(*wanted_of_spare_->user_network);
      if (step.network == nullptr || step.network->phase() != SharedNetwork::Phase::kReady) {
        return;
      }
    }
    mounts_.have_changed();
    step.cgroup = make_step_cgroup(cgroups_, {}, {}).group;
    base::SocketPair sockets = base::make_socket_pair();
    int pidfd = -1;
    clone_args arguments = arguments_for(*wanted_of_spare_, step);
    arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) {
      become_spare(std::move(sockets.second), step);
    }
    if (pid > 0) {
      spare_ = std::make_unique<Spare>(static_cast<pid_t>(pid), Fd(pidfd), std::move(sockets.first),
                                       *wanted_of_spare_, step.network);
    }
  }

  static bool is_starting(const SharedNetwork* network) {
    return network != nullptr && network->phase() == SharedNetwork::Phase::kStarting;
  }

  // Started with the first step that wants it.
  SharedNetwork& network_for(const UserNetwork& wanted) {
    SharedNetwork* found = find_network(wanted);
    return found != nullptr ? *found
                            : *networks_.emplace_back(std::make_unique<SharedNetwork>(wanted));
  }

  SharedNetwork* find_network(const UserNetwork& wanted) const {
    for (const auto& network : networks_) {
      if (network->network() == wanted) {
        return network.get();
      }
    }
    return nullptr;
  }

  // Without namespaces by clone, because the filters of containers hide clone3.
  static pid_t clone_step(const Launch& launch, const Running& step, int& pidfd) {
    if (launch.only_chroot) {
      return static_cast<pid_t>(
          check([&] { return ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, 0, 0); },
                "clone", "a step"));
    }
    clone_args arguments = arguments_for(launch, step);
    arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    return static_cast<pid_t>(clone_into_namespaces(arguments));
  }

  // EPERM: root of a container that has neither the right nor a way around it.
  static long clone_into_namespaces(clone_args& arguments) {
    long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0 && errno == EPERM) {
      base::fail(base::ErrorKind::kDenied,
                 "a step can't have namespaces of its own here: there is no CAP_SYS_ADMIN, and no "
                 "user namespace to have it in",
                 "permit user namespaces in this container (seccomp and AppArmor profiles, sysctl "
                 "user.max_user_namespaces), or give it CAP_SYS_ADMIN");
    }
    return check([&] { return pid; }, "clone3", "a step");
  }

  static clone_args arguments_for(const Launch& launch, const Running& step) {
    clone_args arguments{};
    arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
    arguments.flags |= launch.network == NetworkMode::kNone ? CLONE_NEWNET : 0;
    arguments.exit_signal = SIGCHLD;
    if (step.cgroup.unified()) {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<std::uint64_t>(step.cgroup.unified().get());
    }
    return arguments;
  }

  void make_cgroup(const Request& request, Running& step) {
    MadeCgroup made = make_step_cgroup(cgroups_, request.launch.cgroup,
                                       base::cat("slipway-", ::getpid(), "-", ++groups_made_));
    step.cgroup = std::move(made.group);
    for (std::string& notice : made.notices) {
      send_report(request.socket, report::Notice{std::move(notice)});
    }
  }

  // Once. Whatever a step leaves that its init can't end any more becomes our child.
  void prepare_chroot() {
    if (!guard_.empty()) {
      return;
    }
    check([] { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); },
          "prctl PR_SET_CHILD_SUBREAPER");
    chroot_seccomp_ = compile_seccomp(default_seccomp_profile(kChrootCapabilities));
    guard_ = compile_seccomp(process_guard_profile());
  }

  void end_leftovers() {
    std::vector<pid_t> spared;
    for (const auto& step : running_) {
      spared.push_back(step->pid);
    }
    kill_descendants(base::open_directory("/proc"), spared);
  }

  // The kernel's overlay needs nothing of us.
  void prepare_overlays(const Request& request, Running& step) {
    OverlayDriver driver = request.launch.overlay;
    if (step.only_chroot || driver == OverlayDriver::kKernel ||
        (driver == OverlayDriver::kAuto && kernel_overlay_)) {
      return;
    }
    SandboxSpec spec = decode_spec(request.spec());
    std::vector<std::optional<OverlayRoot>> roots(1 + spec.mounts.size());
    if (auto* root = std::get_if<OverlayRoot>(&spec.root)) {
      roots[0] = std::move(*root);
    }
    for (std::size_t index = 0; index < spec.mounts.size(); ++index) {
      if (auto* mount = std::get_if<OverlayMount>(&spec.mounts[index])) {
        roots[index + 1] = std::move(mount->layers);
      }
    }
    step.fuse.emplace(find_fuse_overlayfs(), roots);
  }

  // What a step can't do for itself; it waits for a byte meanwhile.
  static void help(Running& step) {
    if (step.go.write_end) {
      step.cgroup.enter_legacy(step.pid);
      if (step.only_chroot && step.cgroup.unified()) {
        Fd processes = base::open_at(step.cgroup.unified(), "cgroup.procs", O_WRONLY);
        base::write_all(processes, base::cat(step.pid), "cgroup.procs");
      }
      base::write_all(step.go.write_end, {&kGroupIsEntered, 1}, "a step");
    }
    if (step.network != nullptr && step.network->phase() == SharedNetwork::Phase::kFailed) {
      notice_of_network(step);
      step.network = nullptr;
    }
  }

  // In the clone, which never returns from here: no destructor of what is the helper's runs. What
  // the step has no use for is closed at once, as the kernel's descriptors and not one owner after
  // the other: a socket of another step would hide its owner's end from the helper, a FUSE device
  // would keep another step's files waiting for ever.
  [[noreturn]] void become_step(Request& request, Running& step) noexcept {
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

  [[noreturn]] void become_spare(Fd requests, Running& step) noexcept {
    StepProcess process = process_of(*wanted_of_spare_, step);
    process.requests = std::move(requests);
    close_descriptors_except(descriptors_of(process));
    run_step_process(std::move(process));
  }

  // What does not depend on the request.
  StepProcess process_of(const Launch& launch, Running& step) {
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

  static Fd network_of(const Running& step) {
    return step.network != nullptr && step.network->name_space()
               ? step.network->name_space().duplicate()
               : Fd();
  }

  void finish(std::size_t index) {
    std::unique_ptr<Running> step = std::move(running_[index]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
    rusage usage{};
    report::Done done;
    check([&] { return ::wait4(step->pid, &done.wait_status, 0, &usage); }, "wait4");
    auto microseconds = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
    if (step->only_chroot) {
      end_leftovers();
    }
    spare_is_wanted_ = wanted_of_spare_ && !spare_ && control_;
    done.usage = {microseconds(usage.ru_utime), microseconds(usage.ru_stime),
                  static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
    done.out_of_memory = step->cgroup.was_out_of_memory();
    // Gone before the owner hears of the end.
    step->cgroup.remove();
    done.used_fuse = step->fuse.has_value();
    end_overlays(*step);
    if (step->socket) {
      send_report(step->socket, done);
    }
  }

  // The step's mounts are gone and all that was written has reached the upper directory.
  static void end_overlays(Running& step) {
    std::optional<std::string> problem = step.fuse ? step.fuse->problem() : std::nullopt;
    if (problem && step.socket) {
      send_report(step.socket, report::Notice{std::move(*problem)});
    }
    step.fuse.reset();
  }

  Fd control_;
  rlimit open_files_;
  Surroundings surroundings_;
  std::vector<CgroupHierarchy> cgroups_;
  std::uint64_t groups_made_ = 0;
  bool kernel_overlay_;
  std::string seccomp_;
  std::string record_owners_;
  std::string pretend_owners_;
  std::string chroot_seccomp_;  // with the next: once a step needs them
  std::string guard_;
  Fd life_read_;  // steps see through it that we have died
  Fd life_write_;
  std::vector<std::unique_ptr<SharedNetwork>> networks_;
  std::vector<std::unique_ptr<Running>> running_;  // point to networks
  int steps_for_spares_ = 0;
  std::optional<Launch> wanted_of_spare_;
  bool spare_is_wanted_ = false;
  MountWatch mounts_;
  std::unique_ptr<Spare> spare_;
};

// Somebody may call us by hand; then descriptor 3 is not the owner's socket.
bool is_control_socket(int number) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

bool is_sandbox_helper(int argc, char** argv) {
  return argc >= 2 && std::string_view(argv[0]) == kHelperName &&
         ((argc == 2 && std::string_view(argv[1]) == kHelperArgument) ||
          (argc == 4 && std::string_view(argv[1]) == kContainerHookArgument));
}

int sandbox_helper_main(int argc, char** argv) {
  if (argc == 4) {
    // At once: the root around it has nothing that a sanitizer's look for leaks would need.
    ::_exit(run_container_hook(argv[2], argv[3]));
  }
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
