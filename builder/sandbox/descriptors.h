#pragma once

#include <string>
#include <vector>

#include "base/fd.h"

namespace slipway::builder {

enum class Disposal { kClose, kCloseOnExec };

// Does it to every descriptor of this process with a higher number. close_range(2), or before Linux
// 5.11 one by one.
void dispose_descriptors_above(int last, Disposal disposal);

// Closes all but the standard streams and those of `kept`; negative numbers there count for
// nothing.
void close_descriptors_except(std::vector<int> kept);

// Where the kernel says that the file is, as this process sees it (/proc/self/fd). Good for
// comparing, and not for opening: it may be somewhere else by then.
std::string path_of_descriptor(const base::Fd& fd);

}  // namespace slipway::builder
