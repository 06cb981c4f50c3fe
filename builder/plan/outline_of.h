#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "builder/plan/session.h"
#include "parser/outline.h"

namespace slipway::builder {

// The parameters of the target: what the stages it needs declare, and the global arguments that
// their FROM lines use, directly or through others (language reference, section 14).
parser::Outline outline_of(const PlanSession& session, const StageTable& table,
                           const std::vector<std::optional<NodeResult>>& results,
                           std::size_t target);

}  // namespace slipway::builder
