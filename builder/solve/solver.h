#pragma once

// Carries a frozen graph out. The caller's thread and as many others as there is work for compute
// keys, look records up and run ops. A cached step costs a key and a look-up: nothing of its inputs
// is unpacked.

#include <expected>
#include <functional>
#include <stop_token>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "builder/ops/op.h"
#include "builder/plan/graph.h"
#include "builder/solve/events.h"
#include "builder/solve/step_cache.h"

namespace slipway::builder {

struct SolveOptions {
  unsigned jobs =
      32;  // vertices that are worked on at once, at most; most of them wait for a command
  // Whether another vertex may be begun beside those that are worked on; empty: always. Asked again
  // when one of those has ended; a vertex that is alone is never kept waiting.
  std::function<bool()> may_begin_another;
};

// A vertex that could not be carried out. The first failure in time; what was running besides was
// cancelled.
struct StepFailure {
  VertexId vertex;
  base::Error error;
};

// Results by VertexId; empty for vertices that were not needed.
using SolveResults = std::vector<std::optional<VertexResult>>;

class Solver {
 public:
  struct Parts {
    OpFactory* ops;  // all owned by the caller, which outlives the solver
    StepCache* steps;
    const base::Clock* clock;
  };
  Solver(Parts parts, SolveOptions options, EventSink events);

  // Gives the results of `wanted` and of all they need. A stop cancels running steps and is
  // kCancelled.
  std::expected<SolveResults, StepFailure> solve(const Graph& graph,
                                                 const std::vector<VertexId>& wanted,
                                                 std::stop_token stop);

 private:
  Parts parts_;
  SolveOptions options_;
  EventSink events_;
};

}  // namespace slipway::builder
