#pragma once

// A plan as people and tools read it.

#include <string>

#include "builder/plan/graph.h"
#include "builder/plan/plan.h"

namespace slipway::builder {

// The graph alone: one vertex per paragraph with everything that is hashed and everything that is
// not, then the targets with their configs and histories. Stable; what golden tests compare.
std::string graph_text(const Graph& graph);

// What `slipway graph` prints: stages with their steps, the round in which each step can start at
// the earliest (steps of one round can run side by side), what is skipped, the results.
std::string plan_text(const Plan& plan);
// Graphviz; a cluster for each stage, skipped stages dashed, steps of one round on one rank.
std::string plan_dot(const Plan& plan);
// One JSON document (indented, ends with a newline).
std::string plan_json(const Plan& plan);

}  // namespace slipway::builder
