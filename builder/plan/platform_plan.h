#pragma once

// The plan of one platform.

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/plan/planned.h"
#include "builder/plan/session.h"

namespace slipway::builder {

// What the plan of one platform gives.
struct PlatformPlan {
  Target target;
  parser::Outline outline;
  std::vector<PlannedStage> stages;
  std::set<std::string, std::less<>> used_arguments;
};

// Links the stages, resolves the images that the target needs and lowers the instructions of the
// needed stages into the session's vertices. The session's global arguments are evaluated.
Planned<PlatformPlan> plan_platform(PlanSession& session, ImageResolver& resolver,
                                    std::stop_token stop);

}  // namespace slipway::builder
