#pragma once

#include "cache/db/connection.h"

namespace slipway::cache {

// The tables of an empty database, in the caller's transaction. A change that an older slipway
// would not understand needs a new kStoreFormat (session/layout.h).
void create_tables(Connection& connection);

// What came with the formats after `format`, which the database has.
void add_newer_tables(Connection& connection, int format);

}  // namespace slipway::cache
