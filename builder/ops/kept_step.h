#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/ops/exec_settings.h"
#include "builder/ops/op.h"
#include "builder/plan/graph.h"

namespace slipway::builder {

// All that it takes to set the sandbox of a failed RUN up again, but for what must not be kept:
// secrets, agents, proxies (which may have passwords in them). Layers are named, not held.
struct KeptStep {
  std::string name;                // "[build 2/3] RUN make"
  std::string file;                // the Dockerfile, as messages name it
  std::vector<SourceLines> lines;  // in it
  std::string failure;             // what the build said
  Exec exec;                       // `from` of mounts: numbers in `inputs`
  State base;                      // below the step
  std::map<VertexId, State> inputs;
  // Of the settings those about limits, names and addresses.
  ExecSettings settings;
};

// The ids of secrets and agents that it mounts.
std::vector<std::string> secrets_of(const KeptStep& step);

// Every layer that it names, each once: they have to be there to set it up again.
std::vector<cache::DiffId> layers_of(const KeptStep& step);

std::string serialise(const KeptStep& step);
// kInput for what another version may have kept.
KeptStep parse_kept_step(std::string_view text);

}  // namespace slipway::builder
