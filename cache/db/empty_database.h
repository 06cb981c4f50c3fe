#pragma once

#include <string>

#include "base/fd.h"

// The database of a new store: all tables, no rows. It lies in two files, NAME and NAME-wal, for
// its one transaction is still in the log: so the first commit goes on with that, where it would
// begin another log and sync it.

namespace slipway::cache {

// By its statements. Precondition: there is no such file.
void make_empty_database(const std::string& path);

// As a copy of one that was made when slipway was built (make_empty_database.cc), byte by byte: the
// statements would take a fifth of the time of a small first build. Not synced.
void copy_empty_database(const base::Fd& folder, const std::string& name);

}  // namespace slipway::cache
