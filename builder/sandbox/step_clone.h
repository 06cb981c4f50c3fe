#pragma once

#include <sys/resource.h>

#include <memory>
#include <string>

#include "base/fd.h"
#include "builder/sandbox/launch_request.h"
#include "builder/sandbox/running_step.h"
#include "builder/sandbox/scratch.h"
#include "builder/sandbox/spare.h"
#include "builder/sandbox/step_process.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

// How a helper makes the process of a step: a clone of itself in new namespaces and in the step's
// group, which gets what all steps of this helper get (filters, limits, a sign of the helper's
// life) and what is kept for this one, and nothing of the others.
//
//   helper ── clone3 ──▶ become_step or become_spare: a StepProcess out of what the helper has;
//                        everything else is closed; run_step_process (step_process.h) or
//                        run_chroot_process (chroot_process.h), which do not return
//
// The helper has one thread: that is why the clone may allocate.
class StepCloner {
 public:
  // Lets this process have as many open files as it may; steps have as many as it had.
  StepCloner();
  StepCloner(const StepCloner&) = delete;
  StepCloner& operator=(const StepCloner&) = delete;

  const Surroundings& surroundings() const { return surroundings_; }

  // Before the first step without namespaces; again it does nothing. Whatever such a step leaves
  // that its init can't end any more becomes the helper's child.
  void prepare_chroot();

  // Gives the step its process, pid and pidfd, and the pipe `go` where it has to wait for something
  // (RunningStep::help). Its group, network and overlays are there already. kDenied where there may
  // be no namespaces.
  void clone(Request& request, RunningStep& step);

  // A process for a step of such a launch that is yet to come, with the group and network of
  // `common`; null if it can't be cloned.
  std::unique_ptr<Spare> clone_spare(const Launch& launch, RunningStep& common);

 private:
  [[noreturn]] void become_step(Request& request, RunningStep& step) noexcept;
  [[noreturn]] void become_spare(const Launch& launch, base::Fd requests,
                                 RunningStep& common) noexcept;
  StepProcess process_of(const Launch& launch, RunningStep& step);

  rlimit open_files_;
  Surroundings surroundings_;
  std::string seccomp_;
  std::string record_owners_;  // with the next: where there is but one id
  std::string pretend_owners_;
  std::string chroot_seccomp_;  // with the next: once a step needs them
  std::string guard_;
  base::Fd life_read_;  // steps see through it that we have died
  base::Fd life_write_;
};

}  // namespace slipway::builder
