#include "builder/ops/op.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"

namespace slipway::builder {

const VertexResult& OpInputs::result(VertexId id) const {
  auto place = std::find(ids.begin(), ids.end(), id);
  assert(place != ids.end());
  return *results[static_cast<std::size_t>(place - ids.begin())];
}

State OpInputs::base() const {
  return vertex->base ? result(*vertex->base).state : State{};
}

VertexResult Op::open(const OpInputs&, std::stop_token) {
  base::fail(base::ErrorKind::kInternal, "a step was opened as a source");
}

std::vector<KeyPart> Op::source_parts(const OpInputs&, Reading, std::stop_token) {
  return {};
}

bool Op::has_outline(const OpInputs&) const {
  return false;
}

bool Op::can_run_unread(const OpInputs&, std::stop_token) {
  return false;
}

StepOutcome Op::run(const OpInputs&, const OutputSink&, std::stop_token) {
  base::fail(base::ErrorKind::kInternal, "a source was run as a step");
}

}  // namespace slipway::builder
