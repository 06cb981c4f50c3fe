#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "builder/build.h"
#include "cmd/build_flags.h"
#include "cmd/progress/build_progress.h"
#include "cmd/progress/step_output.h"
#include "cmd/services.h"

namespace slipway::cmd {

// What `build` and `graph` share: services, the request with context and Dockerfile read, and how
// failures are told.
class BuildVerb {
 public:
  BuildVerb(const Invocation& invocation, BuildFlags flags);

  int build();
  // --call: plans, and shows what the plan says.
  int look(const CallKind& call);
  int graph();
  // `run --at`: a command, or a shell, in the sandbox of a step.
  int at();

 private:
  builder::BuildServices build_services();
  const std::string& dockerfile() const;
  void debug(builder::SandboxSpec spec);
  void tell_isolation();
  std::set<registry::Repository> push_repositories() const;
  std::string credential_domain() const;
  void check_push_rights();
  int report(const builder::BuildFailure& failure);
  int report(const builder::BuildResult& result);
  int look_at_targets(const CallKind& call);
  int check(const builder::PlanOutcome& plan, const CallKind& call);

  BuildFlags flags_;
  ProgressKind progress_kind_;
  Services services_;
  StepTails tails_;
  std::unique_ptr<BuildProgress> progress_;  // none where nothing is built, or shown
  base::TempDir scratch_;
  builder::BuildRequest request_;
  std::once_flag isolation_told_;
};

}  // namespace slipway::cmd
