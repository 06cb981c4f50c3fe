#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "builder/sandbox/launch_request.h"
#include "builder/sandbox/network.h"

namespace slipway::builder {

// A process that was cloned before there was a step for it, and waits for one (step_process.h), so
// that the next step need not wait for its namespaces and system mounts. No step has ever run in
// it. The destructor ends it.
class Spare {
 public:
  // `socket` is the other end of its StepProcess::requests; `shared` the network that it joins, or
  // null.
  Spare(pid_t pid, base::Fd pidfd, base::Fd socket, const Launch& launch,
        const SharedNetwork* shared)
      : pid_(pid),
        pidfd_(std::move(pidfd)),
        socket_(std::move(socket)),
        network_(launch.network),
        shared_(shared) {}
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  ~Spare();

  // Whether spares are for such steps at all: they have no limits, and the filters of the sandbox.
  static bool suits(const Launch& launch);

  // Readable when it has ended.
  const base::Fd& pidfd() const { return pidfd_; }
  const SharedNetwork* shared_network() const { return shared_; }
  bool has_network(NetworkMode mode, const SharedNetwork* shared) const {
    return network_ == mode && shared_ == shared;
  }

  struct Process {
    pid_t pid = -1;
    base::Fd pidfd;
  };
  // Makes it the process of the step, which is the caller's from then on. Nothing if it has ended.
  std::optional<Process> become(const Request& request);

 private:
  pid_t pid_ = -1;
  base::Fd pidfd_;
  base::Fd socket_;
  NetworkMode network_ = NetworkMode::kHost;
  const SharedNetwork* shared_ = nullptr;
};

// Tells when mounts come or go in our mount namespace: what was cloned before does not see them.
class MountWatch {
 public:
  MountWatch();
  // Since the last call. Always where it can't be known.
  bool have_changed();

 private:
  base::Fd mounts_;
};

// Whether a helper has a spare, and for which steps. There is at most one, for what the last step
// asked for that a spare could have been for: most builds have one kind of step. The first such
// step pays for no other, so none is made before the second. One thread.
class Spares {
 public:
  // For a step that suits and is about to start: the process that it becomes. Nothing if there is
  // no spare, or it does not fit; that one is ended then.
  std::optional<Spare::Process> take(const Request& request, const SharedNetwork* network);

  // A step has ended: before the next there may be time to make one.
  void note_end_of_step();
  bool is_wanted() const { return is_wanted_; }
  // One is going to be made, for the launch that this returns, or can't be: it is not wanted any
  // more. Precondition: is_wanted().
  const Launch& begin_to_make();
  void keep(std::unique_ptr<Spare> made) { spare_ = std::move(made); }
  // Ends it, if there is one.
  void drop() { spare_.reset(); }

  // Readable when the spare has ended; -1 if there is none.
  int descriptor() const { return spare_ ? spare_->pidfd().get() : -1; }
  // Drops a spare whose network has gone away.
  void look_at_network();

 private:
  std::unique_ptr<Spare> spare_;
  MountWatch mounts_;  // since the spare was made
  std::optional<Launch> launch_;
  bool is_wanted_ = false;
  int steps_ = 0;  // that a spare could have been for
};

}  // namespace slipway::builder
