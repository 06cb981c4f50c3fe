#pragma once

#include <string>

namespace slipway::tests {

// Runs a step on the layer, with its upper directory in the folder, that never ends by itself and
// has the marker in its command line; says
// "started" on stdout when the command runs. For a test that kills this process.
int own_a_step(const std::string& layer, const std::string& folder, const std::string& marker);

}  // namespace slipway::tests
