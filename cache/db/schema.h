#pragma once

#include "cache/db/connection.h"

namespace slipway::cache {

// The tables of an empty database, in the caller's transaction. A change that an older slipway
// would not understand needs a new kStoreFormat (session/layout.h).
void create_tables(Connection& connection);

// Those that came with format 2 or a later one; does nothing where they are.
void add_newer_tables(Connection& connection);

}  // namespace slipway::cache
