#pragma once

#include <string_view>

#include "base/fd.h"

namespace slipway::builder {

// Moves everything in `from` into `to`, which lies on the same file system: directories are merged,
// and take the mode and times of those in `from`; whatever else has a name that comes is replaced.
// Links in `to` are not followed: a link where a directory comes is replaced. `object` names `to`
// in messages. On an error part of the files has been moved.
void merge_tree(const base::Fd& from, const base::Fd& to, std::string_view object);

}  // namespace slipway::builder
