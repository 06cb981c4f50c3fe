#pragma once

// What a build tells while it runs. Typed values, no text for people: renderers above turn them
// into a terminal, plain lines or JSON, and tests read them as they are.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "builder/plan/graph.h"

namespace slipway::builder {

enum class StepVerdict { kDone, kCached, kFailed, kCancelled };

struct StepStarted {
  VertexId vertex;
  std::string name;
};
struct StepPrinted {
  VertexId vertex;
  std::string bytes;  // standard output and standard error as they came
};
struct StepEnded {
  VertexId vertex;
  std::string name;
  StepVerdict end = StepVerdict::kDone;
  std::int64_t duration_ns = 0;
  // Why the step could not be taken from the cache: the names of the key parts that differ from the
  // last record of the same step. Empty: not known, or cached.
  std::vector<std::string> missed_by;
};
// Bytes of a blob on their way; `total` is 0 where unknown. `done` is the last event of one
// transfer.
struct Transferred {
  std::string what;  // short digest or file name
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;
  bool done = false;
};
struct Warned {
  std::string text;
};

using Event = std::variant<StepStarted, StepPrinted, StepEnded, Transferred, Warned>;

// Called from many threads, possibly at once: whoever gives one makes it safe.
using EventSink = std::function<void(const Event&)>;

}  // namespace slipway::builder
