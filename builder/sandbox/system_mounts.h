#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/scratch.h"
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
//
// All but /dev/shm is the same for many steps, and can be made before it is known which: it is put
// together on the scratch, and moved onto the root with all that is mounted below it.

namespace slipway::builder {

struct SystemMounts {
  base::Fd proc;
  base::Fd sys;
  base::Fd dev;
  base::Fd terminals;  // the directory of the step's new devpts
};

// Each once, on a scratch that is attached.
void make_proc(const Scratch& scratch, SystemMounts& mounts);
void make_dev(const Scratch& scratch, SystemMounts& mounts);

// What a step finds hidden, and what read-only, of /proc and /sys: absolute paths.
std::vector<std::string> hidden_paths();
std::vector<std::string> read_only_paths();

// What of the host's /sys and control groups a step gets to see.
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
HostSys clone_host_sys(const Surroundings& surroundings, NetworkMode network,
                       const std::vector<CgroupView>& views);
// Of the network that the caller is in.
void make_sys(const Scratch& scratch, const HostSys& host, SystemMounts& mounts);

void attach_proc(StepRoot& root, const SystemMounts& mounts);
void attach_sys(StepRoot& root, const SystemMounts& mounts);
// With a /dev/shm as the step wants it.
void attach_dev(StepRoot& root, const SystemMounts& mounts);

// Puts the control groups onto a directory.
void attach_groups(const base::Fd& place, const std::vector<HostSys::Group>& groups);

}  // namespace slipway::builder
