#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/step_root.h"

// What every step finds in its root beside the image: /proc, /sys, /dev. As in Docker's containers:
//
//   /proc         of the step's own pid namespace; what tells about or changes the machine is
//                 hidden (an empty directory or /dev/null on top) or read-only
//   /sys          read-only, with the step's control groups
//   /dev          a tmpfs with the nodes null zero full random urandom tty, links, pts, shm, mqueue
//
// In the insecure mode nothing is hidden or read-only.
//
// Devices: a step may make device nodes (layers have them), but no node that it makes can be
// opened: the root, /dev and every mount of data is mounted nodev. The six nodes above are mounts
// of their own.

namespace slipway::builder {

void mount_proc(StepRoot& step);

// What a step finds hidden, and what read-only, of /proc and /sys: absolute paths.
std::vector<std::string> hidden_paths();
std::vector<std::string> read_only_paths();

// What of the host's /sys and control groups a step gets to see, cloned before anything hides them.
struct HostSys {
  // Where the network is not one of its own, a user namespace may not mount a new /sys: then this
  // is bound. Empty otherwise.
  base::Fd sys;
  struct Group {
    std::string name;  // below /sys/fs/cgroup; "" is that folder itself
    base::Fd mount;
  };
  std::vector<Group> groups;
};
HostSys clone_host_sys(const StepRoot& step, const std::vector<CgroupView>& views);

void mount_sys(StepRoot& step, const HostSys& host);

// Puts the control groups onto a directory.
void attach_groups(const base::Fd& place, const std::vector<HostSys::Group>& groups);

// The directory of the step's new devpts, for its terminal.
base::Fd mount_dev(StepRoot& step);

}  // namespace slipway::builder
