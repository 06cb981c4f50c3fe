#pragma once

// A RUN made ready to run, for its op and for whoever wants to look around in its sandbox.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/ops/exec_mounts.h"
#include "builder/ops/kept_step.h"
#include "builder/ops/services.h"

namespace slipway::builder {

struct ReadyExec {
  SandboxSpec spec;
  ReadyMounts mounts;  // keeps alive what the spec mounts
};

// What the root of a step is made of.
struct ExecRoot {
  std::vector<std::string> lowers;  // trees, bottom first
  const TreeView* files;            // the same, for looking up users
  const cache::StagedTree* upper;   // gets what the step writes
};

// The sandbox of `exec`, whose vertex and inputs are given. kInput for a missing secret, a user
// that does not exist, an entitlement that was not given.
ReadyExec make_ready(const Exec& exec, const OpInputs& inputs, ExecRoot root,
                     const OpServices& services, std::stop_token stop);

// Gets the sandbox of a step, ready for any command; what is written in it is thrown away.
using StepVisitor = std::function<void(SandboxSpec spec)>;

// The step before it is run. Precondition: the vertex of `inputs` is an Exec.
void visit_step(const OpInputs& inputs, const OpServices& services, const StepVisitor& visitor,
                std::stop_token stop);
// The step as it was when it failed: `tree` is what it had written (held by the caller). Secrets
// and agents come from `services.exec`; those that are not there are left out.
void visit_step(const KeptStep& step, const std::string& tree, const OpServices& services,
                const StepVisitor& visitor, std::stop_token stop);

}  // namespace slipway::builder
