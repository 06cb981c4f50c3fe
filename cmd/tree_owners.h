#pragma once

#include <string>

#include "builder/sandbox/rootless.h"

namespace slipway::cmd {

// What the files of a store's trees say of owners and deletions. One store has one kind for ever,
// because a step of one kind would misread trees of another: a file `owners` in the store's folder
// names it.
enum class TreeOwners {
  kTheirOwn,   // no such file: files belong to whom they should, marks are the machine's
  kUserMarks,  // files belong to whom they should, marks are those of user namespaces
  kRecorded,   // all belong to one id, owners are recorded beside them
};

// Of a store that may not be there: kTheirOwn then.
TreeOwners find_tree_owners(const std::string& store);

// Of an open store: writes the file if it needs one and there are no trees yet. kInput if the store
// is of another kind than steps are now.
void settle_tree_owners(const std::string& store, const builder::UserNamespace& entered);

}  // namespace slipway::cmd
