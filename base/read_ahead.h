#pragma once

#include <memory>

#include "base/stream.h"

namespace slipway::base {

// The same bytes, read by a thread of its own some pieces ahead, so that what makes them (a
// network, a decompressor) and what uses them run at the same time. An Error of `next` is thrown by
// the read that comes to its place. The destructor waits for the read that is going on. Memory: 1
// MiB.
std::unique_ptr<Source> make_read_ahead(std::unique_ptr<Source> next);

}  // namespace slipway::base
