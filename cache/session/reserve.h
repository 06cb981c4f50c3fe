#pragma once

#include <cstdint>

#include "cache/session/layout.h"

namespace slipway::cache {

// A file of some megabytes that says nothing: room for prune, which has to write before it can
// free anything, on a disk that is full.

// What the file system of the store has free for us.
std::uint64_t free_bytes(const Layout& layout);

// So little is free that a big transaction may fail.
bool is_disk_low(const Layout& layout);

// Makes the file if it is missing and there is plenty of room.
void ensure_reserve(const Layout& layout);
void give_up_reserve(const Layout& layout);

}  // namespace slipway::cache
