#pragma once

#include <vector>

namespace slipway::builder {

enum class Disposal { kClose, kCloseOnExec };

// Does it to every descriptor of this process with a higher number. close_range(2), or before Linux
// 5.11 one by one.
void dispose_descriptors_above(int last, Disposal disposal);

// Closes all but the standard streams and those of `kept`; negative numbers there count for
// nothing.
void close_descriptors_except(std::vector<int> kept);

}  // namespace slipway::builder
