#pragma once

#include <sys/types.h>

#include <optional>

#include "base/fd.h"
#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/fuse_overlay.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

// A step as its helper has it, from before its process is cloned until that has ended: what is kept
// for it outside, and the talk with its owner. One thread.
struct RunningStep {
  pid_t pid = -1;
  base::Fd pidfd;   // readable when the process has ended
  base::Fd socket;  // to the owner; empty once nobody wants the step any more
  StepCgroup cgroup;
  // What the step waits on for us; with our copy of its end, telling one that has died is no error.
  base::Pipe go;
  SharedNetwork* network = nullptr;  // the helper's; null also where the machine's is used instead
  std::optional<FuseServer> fuse;
  bool only_chroot = false;  // then what it starts outlives it, if nobody ends that

  // What a step that was just cloned can't do for itself; it waits for a byte meanwhile.
  void help();
  // Its network has come to another phase.
  void tell_of_network();

  // To pid 1; nothing happens if it has ended. A kill ends all of the step.
  void send_signal(int number) const;
  void kill() const;
  // Passes on the signal that waits on the socket. The owner's end closed means that nobody wants
  // the step any more: it is killed.
  void take_signal();

  // Reaps the process, which has ended: how, and what the step used.
  report::Done reap() const;
  // Takes away what was kept for it, and then tells the owner, as the last thing.
  void end(report::Done done);

 private:
  void notice_of_network() const;
  void lose_network();
  void end_overlays();
};

}  // namespace slipway::builder
