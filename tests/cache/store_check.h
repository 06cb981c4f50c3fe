#pragma once

#include <string>

namespace slipway::cache::testing_support {

// Looks at every row and every byte of a store that nobody uses: each blob's row has its file with
// the right bytes, each tree's row its directory, whose file "word" says what the diff ID is the
// digest of, and the database is sound. Returns what is wrong, a line each.
std::string check_store(const std::string& root);

// The files in blobs/ and trees/ that no row names, a line each.
std::string find_orphans(const std::string& root);

}  // namespace slipway::cache::testing_support
