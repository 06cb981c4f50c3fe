#pragma once

#include "builder/plan/graph.h"

namespace slipway::builder {

// Drops vertices that no target needs, keeping the order of the others.
void prune(Graph& graph);

}  // namespace slipway::builder
