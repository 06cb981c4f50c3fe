#pragma once

#include <string>
#include <vector>

#include "builder/ops/exec_settings.h"
#include "cmd/flags.h"

namespace slipway::cmd {

// Flags of `slipway build` about how RUN steps run, as they were typed; none of them changes what
// is built. Those about secrets, agents and entitlements are in build_flags.h.
struct StepFlags {
  std::vector<std::string> ulimits;
  std::vector<std::string> hosts;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> security;
  std::string shm_size;
  std::string memory;
  std::string memory_swap;
  std::string cpus;
  std::string cpu_period;
  std::string cpu_quota;
  std::string cpu_shares;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::string pids;
  std::string cgroup_parent;
  std::string timeout;
  std::string leaked_secrets;
};

void declare_step_flags(Flags& flags, StepFlags& into);

// Puts them into `settings`; reads the file of --security-opt seccomp=FILE. kUsage for values that
// can't be understood, kNotFound for a file that is not there, kInput for a profile that is none.
void apply_step_flags(const StepFlags& flags, builder::ExecSettings& settings);

}  // namespace slipway::cmd
