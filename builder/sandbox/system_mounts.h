#pragma once

#include "base/fd.h"
#include "builder/sandbox/step_root.h"

// What every step finds in its root beside the image: /proc, /sys, /dev. As in Docker's containers:
//
//   /proc         of the step's own pid namespace; what tells about or changes the machine is
//   hidden
//                 (an empty directory or /dev/null on top) or read-only
//   /sys          read-only
//   /dev          a tmpfs with the nodes null zero full random urandom tty, links, pts, shm, mqueue
//
// In the insecure mode nothing is hidden or read-only.
//
// Devices: a step may make device nodes (layers have them), but no node that it makes can be
// opened: the root, /dev and every mount of data is mounted nodev. The six nodes above are mounts
// of their own.

namespace slipway::builder {

void mount_proc(StepRoot& step);
// Without a network namespace of our own, a user namespace may not mount a new /sys; then the
// host's is bound.
void mount_sys(StepRoot& step, const base::Fd& host_sys);
// The directory of the step's new devpts, for its terminal.
base::Fd mount_dev(StepRoot& step);

// The host's /sys, to be opened before anything hides it.
base::Fd clone_host_sys();

}  // namespace slipway::builder
