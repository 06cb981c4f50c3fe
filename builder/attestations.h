#pragma once

#include <stop_token>
#include <vector>

#include "builder/build.h"
#include "builder/export/attach.h"

namespace slipway::builder {

// What a build came to, for what is said of it.
struct AttestedBuild {
  const Graph& graph;
  const SolveResults& results;
  const std::vector<AssembledImage>& images;  // in the order of the graph's targets
  base::Timestamp started;
};

// The attestations that the request asks for, of each image; none where no output can carry them,
// which is a warning.
Attestations make_attestations(const BuildRequest& request, const BuildServices& services,
                               const AttestedBuild& build, const std::stop_token& stop);

}  // namespace slipway::builder
