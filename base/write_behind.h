#pragma once

#include <memory>

#include "base/stream.h"

namespace slipway::base {

// Hands the same bytes on to `next` by a thread of its own, some pieces behind, so that what makes
// them and what uses them run at the same time. What `next` throws is thrown by a later write() or
// by finish(), which returns when everything has been handed on and finishes `next`. The thread is
// started by the first full piece: little data costs none. Destroyed without finish(), it waits for
// the write that is going on and drops the rest. Memory: 1 MiB. `next` is owned by the caller and
// used by nobody else until finish() returns.
std::unique_ptr<Sink> make_write_behind(Sink& next);

}  // namespace slipway::base
