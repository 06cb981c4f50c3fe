#pragma once

#include <cstdint>
#include <string>

// Without root the whole program lives in one user namespace in which it is root: files of the
// store that belong to other users than 0 then really do, through the subordinate ids that
// /etc/subuid and /etc/subgid give the user.
//
//   inside 0           the user itself
//   inside 1 to 65536  the user's range of subordinate ids

namespace slipway::builder {

enum class Privilege {
  kRoot,            // we are root where we are; nothing was changed
  kSubordinateIds,  // now root in a user namespace with a range of ids
  kSingleId,        // now root in a user namespace with one id: files can belong to 0:0 only
};

struct UserNamespace {
  Privilege privilege = Privilege::kRoot;
  // How many ids 0,1,2... can be used for files and processes.
  std::uint64_t uids = 0;
  std::uint64_t gids = 0;
  // Why there is only a single id, and what would give more; empty otherwise.
  std::string notice;
};

// Called once by main while there is one thread. With euid 0 it only looks; otherwise it moves the
// process into a new user namespace and a new mount namespace (mounts made later stay inside),
// where it has uid 0, gid 0 and no supplementary groups that mean anything. An Error (kDenied) says
// what forbids user namespaces here and how to allow them.
UserNamespace enter_user_namespace();

// True if ids here are a mapping of outer ones, so that the overlay keeps its marks in user.* and
// not in trusted.* attributes. False for the machine's root.
bool in_user_namespace();

}  // namespace slipway::builder
