#pragma once

#include <sys/resource.h>

#include <array>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/step_root.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

// The helper's bytes on `go`.
inline constexpr char kGroupIsEntered = 'c';
inline constexpr char kNetworkIsReady = 'n';
inline constexpr char kNoNetwork = 'h';

// What the helper hands to the process that it has cloned. One that is cloned before there is a
// step for it has a `requests` socket, and neither spec, report nor streams: it makes what steps of
// such a launch have in common, and waits for the packet of one (launch_request.h).
struct StepProcess {
  const Launch& launch;
  std::string_view spec_bytes;
  const Surroundings& surroundings;
  std::string_view seccomp;  // the default filter
  // In a user namespace of one id: the filters of one_id.h; else empty.
  std::string_view record_owners;
  std::string_view pretend_owners;
  // Without namespaces: the filter of process_guard.h; else empty.
  std::string_view guard;
  rlimit open_files;  // as the owner had it
  base::Fd report;    // the step's socket
  base::Fd requests;
  base::Fd helper_is_alive;  // read end of a pipe that only the helper can write to
  base::Fd go;               // a byte comes for each thing that the helper does for us
  // The namespace of NetworkMode::kUser; empty: it can't be had, and the machine's is used.
  base::Fd network;
  bool network_is_starting = false;  // the helper says when it can be used, or whether
  std::array<base::Fd, 3> stdio;
  std::vector<CgroupView> cgroup_views;  // what /sys/fs/cgroup shall show
  FuseConnections fuse;
};

// The numbers of all the descriptors in it, those that there are not as -1.
std::vector<int> descriptors_of(const StepProcess& process);

// The life of a step's pid 1: puts the root together, starts the command, is its init. Runs in a
// fresh copy of the helper, which has one thread, so it may allocate.
[[noreturn]] void run_step_process(StepProcess process);

}  // namespace slipway::builder
