#pragma once

#include <cstdint>
#include <string>

// Without root the whole program lives in one user namespace in which it is root: files of the
// store that belong to other users than 0 then really do, through the subordinate ids that
// /etc/subuid and /etc/subgid give the user.
//
//   inside 0           the user itself
//   inside 1 to 65536  the user's range of subordinate ids
//
// Without such a range there is a single id, and owners are recorded beside the files instead
// (base/recorded_owner.h). Root that may not mount, as in most containers, enters a namespace with
// the very ids it has.

namespace slipway::builder {

// What is asked for.
enum class Isolation {
  kAuto,            // the best that can be had
  kRoot,            // namespaces of root, no user namespace
  kRootless,        // a user namespace, with a range of ids or else one
  kSubordinateIds,  // a user namespace with a range of ids
  kOneId,           // a user namespace with a single id
  kChroot,          // no namespace at all
};

// What was got.
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
  // Ids are what they were outside: root in a namespace of its own.
  bool maps_own_ids = false;
  // Steps have no namespaces: they run in plain directories, kept there by chroot.
  bool only_chroot = false;
  // Why it is not the best there could be; empty where nobody need know.
  std::string reason;
  // Why there is only a single id, and what would give more; empty otherwise.
  std::string notice;

  // Owners have to be recorded.
  bool has_one_id() const { return uids == 1 || gids == 1; }
};

// Called once by main while there is one thread. Root stays where it is, if it may mount, or if
// kAuto finds no better place (then steps have chroot only). Otherwise the process moves into a
// new user namespace and a new mount namespace (mounts made later stay inside), where it has uid 0,
// gid 0 and no supplementary groups that mean anything. An Error (kDenied) says what forbids it
// here, or what `wanted` lacks, and how to allow it.
UserNamespace enter_user_namespace(Isolation wanted = Isolation::kAuto);

// True if ids here are a mapping of outer ones, so that the overlay keeps its marks in user.* and
// not in trusted.* attributes. False for the machine's root.
bool in_user_namespace();

}  // namespace slipway::builder
