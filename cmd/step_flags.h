#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/ops/exec_settings.h"
#include "cmd/environment.h"
#include "cmd/flags.h"

namespace slipway::cmd {

// Flags about how a command runs, as they were typed: a RUN step of `slipway build`, where none of
// them changes what is built, or the command of `slipway run`. Those about secrets, agents and
// entitlements are in build_flags.h.
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
  std::string isolation;  // for Services
  std::string runtime;
  std::vector<std::string> cdi_folders;
};

enum class StepFlagsOf { kSteps, kCommand };
void declare_step_flags(StepFlagsOf whose, Flags& flags, StepFlags& into);

// Puts them into `settings`; reads the file of --security-opt seccomp=FILE, which means what it
// says of a process with these capabilities. kUsage for values that can't be understood, kNotFound
// for a file that is not there, kInput for a profile that is none.
void apply_step_flags(const StepFlags& flags, builder::ExecSettings& settings,
                      std::uint64_t capabilities = builder::kDefaultCapabilities);

// The OCI runtime that --runtime names or --isolation=oci (else $SLIPWAY_ISOLATION) asks for; none
// otherwise. kNotFound where it is not installed.
std::optional<builder::OciRuntime> runtime_of(const StepFlags& flags,
                                              const Environment& environment);

}  // namespace slipway::cmd
