#pragma once

namespace slipway::builder {

enum class Disposal { kClose, kCloseOnExec };

// Does it to every descriptor of this process with a higher number. close_range(2), or before Linux
// 5.11 one by one.
void dispose_descriptors_above(int last, Disposal disposal);

}  // namespace slipway::builder
