// The helper: one thread, one poll loop. It clones a process per step (step_clone.h), keeps what
// that needs of the outside (running_step.h) and waits for its end; all that takes time happens in
// the clones.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/descendants.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/fuse_overlay.h"
#include "builder/sandbox/launch_request.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/oci_step.h"
#include "builder/sandbox/running_step.h"
#include "builder/sandbox/spare.h"
#include "builder/sandbox/step_clone.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

class Helper {
 public:
  explicit Helper(Fd control)
      : control_(std::move(control)),
        cgroups_(find_cgroups()),
        kernel_overlay_(!cloner_.surroundings().in_user_namespace ||
                        kernel_overlay_works_for_users()) {}

  void run() {
    while (control_ || !running_.empty()) {
      wait();
    }
    spares_.drop();
  }

 private:
  static constexpr std::size_t kWaitsPerStep = 3;
  // A spare is made when nothing else is to do, not while the end of a step is being told.
  static constexpr int kSpareDelayMs = 1;

  void wait() {
    std::vector<pollfd> waits;
    waits.push_back({control_.get(), POLLIN, 0});
    for (const auto& step : running_) {
      waits.push_back({step->pidfd.get(), POLLIN, 0});
      waits.push_back({step->socket.get(), POLLIN, 0});
      waits.push_back({step->fuse ? step->fuse->requests().get() : -1, POLLIN, 0});
    }
    waits.push_back({spares_.descriptor(), POLLIN, 0});
    for (const auto& network : networks_) {
      std::ranges::copy(network->waits(), std::back_inserter(waits));
    }
    bool may_rest = !control_ || !spares_.is_wanted();
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
      spares_.drop();
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

  void serve(std::size_t index, const pollfd* waits) {
    if (waits[0].revents != 0) {
      finish(index);
    } else if (waits[1].revents != 0) {
      running_[index]->take_signal();
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

  static void serve_overlay(RunningStep& step) {
    if (!report_errors(step.socket, [&] { step.fuse->serve(); })) {
      step.kill();
    }
  }

  void serve_networks() {
    for (const auto& network : networks_) {
      if (!network->look()) {
        continue;
      }
      for (const auto& step : running_) {
        if (step->network == network.get()) {
          step->tell_of_network();
        }
      }
    }
    spares_.look_at_network();
    // A later step gets a new one. One that has failed stays, so that no step tries again.
    std::erase_if(networks_, [](const auto& network) {
      return network->phase() == SharedNetwork::Phase::kLost;
    });
  }

  void take_request() {
    Packet packet = receive_packet(control_);
    if (packet.bytes.empty()) {
      control_.reset();
      for (const auto& step : running_) {
        step->kill();
      }
      return;
    }
    if (packet.descriptors.empty()) {
      // A failure is the step's when it comes: it tries again.
      report_errors(Fd(), [&] { expect(packet.bytes); });
      return;
    }
    Request request = read_request(std::move(packet));
    std::size_t running_before = running_.size();
    if (report_errors(request.socket, [&] { launch(request); })) {
      return;
    }
    // A step that has started and can't be helped is ended, and that is reported as ever.
    if (running_.size() > running_before) {
      running_.back()->kill();
    } else {
      send_report(request.socket, report::Done{});
    }
  }

  void expect(const std::string& bytes) {
    Launch launch;
    ArchiveReader{bytes}(launch);
    if (launch.user_network) {
      network_for(*launch.user_network);
    }
  }

  void launch(Request& request) {
    auto owned = std::make_unique<RunningStep>();
    RunningStep& step = *owned;
    step.only_chroot = request.launch.only_chroot;
    make_cgroup(request, step);
    prepare_overlays(request, step);
    if (step.only_chroot) {
      cloner_.prepare_chroot();
    }
    if (request.launch.network == NetworkMode::kUser) {
      step.network = &network_for(*request.launch.user_network);
    }
    if (!give_to_spare(request, step)) {
      cloner_.clone(request, step);
    }
    step.socket = request.socket.duplicate();
    running_.push_back(std::move(owned));
    if (step.fuse) {
      step.fuse->close_step_ends();
    }
    step.help();
  }

  void make_cgroup(const Request& request, RunningStep& step) {
    MadeCgroup made = make_step_cgroup(cgroups_, request.launch.cgroup,
                                       base::cat("slipway-", ::getpid(), "-", ++groups_made_));
    step.cgroup = std::move(made.group);
    for (std::string& notice : made.notices) {
      send_report(request.socket, report::Notice{std::move(notice)});
    }
  }

  // The kernel's overlay needs nothing of us.
  void prepare_overlays(const Request& request, RunningStep& step) {
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

  // False if there is none, or none that fits.
  bool give_to_spare(const Request& request, RunningStep& step) {
    if (!Spare::suits(request.launch) || step.fuse) {
      return false;
    }
    std::optional<Spare::Process> process = spares_.take(request, step.network);
    if (process) {
      step.pid = process->pid;
      step.pidfd = std::move(process->pidfd);
    }
    return process.has_value();
  }

  void make_spare() {
    const Launch& launch = spares_.begin_to_make();
    RunningStep common;
    if (launch.network == NetworkMode::kUser) {
      common.network = find_network(*launch.user_network);
      if (common.network == nullptr || common.network->phase() != SharedNetwork::Phase::kReady) {
        return;
      }
    }
    common.cgroup = make_step_cgroup(cgroups_, {}, {}).group;
    spares_.keep(cloner_.clone_spare(launch, common));
  }

  void finish(std::size_t index) {
    std::unique_ptr<RunningStep> step = std::move(running_[index]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
    report::Done done = step->reap();
    if (step->only_chroot) {
      end_leftovers();
    }
    spares_.note_end_of_step();
    step->end(std::move(done));
  }

  // Of a step without namespaces, which only its own init or we can end.
  void end_leftovers() {
    std::vector<pid_t> spared;
    for (const auto& step : running_) {
      spared.push_back(step->pid);
    }
    kill_descendants(base::open_directory("/proc"), spared);
  }

  Fd control_;
  StepCloner cloner_;
  std::vector<CgroupHierarchy> cgroups_;
  std::uint64_t groups_made_ = 0;
  bool kernel_overlay_;
  std::vector<std::unique_ptr<SharedNetwork>> networks_;
  std::vector<std::unique_ptr<RunningStep>> running_;  // point to networks
  Spares spares_;
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
