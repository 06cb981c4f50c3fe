#include "builder/sandbox/spare.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace slipway::builder {

Spare::~Spare() {
  if (pid_ < 0) {
    return;
  }
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Spare::suits(const Launch& launch) {
  return launch.security == SecurityMode::kSandbox && launch.cgroup.empty() &&
         !launch.spec_in_file && !launch.only_chroot && !launch.has_runtime;
}

std::optional<Spare::Process> Spare::become(const Request& request) {
  if (!forward_request(socket_, request)) {
    return std::nullopt;
  }
  return Process{std::exchange(pid_, -1), std::move(pidfd_)};
}

MountWatch::MountWatch() : mounts_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

// proc(5): a poll reports POLLERR and POLLPRI once after each change.
bool MountWatch::have_changed() {
  pollfd wait{mounts_.get(), POLLPRI, 0};
  return !mounts_ || ::poll(&wait, 1, 0) != 0;
}

std::optional<Spare::Process> Spares::take(const Request& request, const SharedNetwork* network) {
  if (steps_++ > 0) {
    launch_ = request.launch;
  }
  std::unique_ptr<Spare> spare = std::move(spare_);
  if (!spare || mounts_.have_changed() || !spare->has_network(request.launch.network, network)) {
    return std::nullopt;
  }
  return spare->become(request);
}

void Spares::note_end_of_step() {
  is_wanted_ = launch_ && !spare_;
}

const Launch& Spares::begin_to_make() {
  is_wanted_ = false;
  mounts_.have_changed();
  return *launch_;
}

void Spares::look_at_network() {
  if (spare_ && spare_->shared_network() != nullptr &&
      spare_->shared_network()->phase() != SharedNetwork::Phase::kReady) {
    spare_.reset();
  }
}

}  // namespace slipway::builder
