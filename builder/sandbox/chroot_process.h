#pragma once

#include <signal.h>

#include <string>

#include "builder/sandbox/step_process.h"

// A step without namespaces, where there is neither CAP_SYS_ADMIN nor a user namespace to have it
// in. Its root is a plain directory that the owner has filled (chroot_root.h), and the command is
// kept there by chroot, few capabilities and filters of system calls.
//
// Its init stays outside of the root, with the machine's /proc. It adopts what the command leaves
// behind, answers for signals (process_guard.h), passes on what is written to /dev/stdout and
// /dev/stderr by name, and when the command has ended it kills all that descends from it. If the
// init itself is killed, the helper does that.

namespace slipway::builder {

// Ends the init and all below it; what it gets when the helper is gone, too.
inline int chroot_end_signal() {
  return SIGRTMAX;
}

// Names of fifos in the root through which the standard streams pass, so that they can be opened by
// name without /proc. The second is missing where both streams are one.
inline constexpr const char* kOutputFifo = "dev/stdout";
inline constexpr const char* kErrorFifo = "dev/stderr";

// The life of the step's init. Runs in a fresh copy of the helper, which has one thread.
[[noreturn]] void run_chroot_process(StepProcess process);

}  // namespace slipway::builder
