#pragma once

#include <string>
#include <vector>

#include "builder/sandbox/cgroup.h"
#include "builder/sandbox/step_root.h"

// The least that the kernel has to do for a step whose sandbox keeps what docs/security.md
// promises: one process that is cloned into new namespaces, makes the mounts, gives up its
// privileges and becomes the command, in a straight line. It is compared with what the sandbox
// takes, so it makes the same mounts and drops the same rights, and nothing else: no helper, no
// init, no message, no look-up of a path that an image could have bent, no plain word where
// something fails.

namespace slipway::bench {

struct FloorStep {
  std::vector<std::string> lowers;  // bottom first; they have all mount points and /true
  std::string upper;
  std::string work;
  bool has_own_network = false;
};

// What is the same for all steps.
struct FloorSurroundings {
  builder::Surroundings of_steps;
  std::vector<builder::CgroupView> groups;  // what /sys/fs/cgroup shows
  std::string filter;                       // of system calls
};
FloorSurroundings find_floor_surroundings();

// Runs /true and waits for its end. Says on stderr what failed and exits.
void run_floor_step(const FloorSurroundings& surroundings, const FloorStep& step);

}  // namespace slipway::bench
