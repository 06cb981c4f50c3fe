#pragma once

// The key grammar. A step key is a hash over named parts:
//
//   format    the version of this grammar and of what layers look like
//   base      the chain of the state it builds on (absent where the step does not look at it:
//             COPY --link, unless it asks the base for an owner's name)
//   mount N   the chain of a state that a RUN mounts
//   ...       the vertex's own definition (plan/graph.h) and the digests of what it reads from its
//             sources
//
// The parts are kept with the record in a short form, so that a later miss can say which part
// differs.

#include <string>
#include <vector>

#include "builder/ops/op.h"
#include "builder/plan/graph.h"
#include "cache/content/ids.h"

namespace slipway::builder {

struct StepIdentity {
  cache::StepKey key;
  std::vector<KeyPart> parts;  // sorted by name
};

// Precondition: every input of the step has its result. `source_parts` is what the op read.
StepIdentity identify(const OpInputs& inputs, std::vector<KeyPart> source_parts);

// Parts as text for the record: one line each, long values as their digest; and the names of the
// parts that differ between two such texts ("env CFLAGS", "source 0 content").
std::string describe_parts(const std::vector<KeyPart>& parts);
std::vector<std::string> differing_parts(const std::string& older, const std::string& newer);

}  // namespace slipway::builder
