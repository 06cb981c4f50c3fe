// Who a half-made thing belongs to, and whether it is still alive.
//
// A Store that makes something has a folder tmp/<pid>-<random> and beside it a file
// tmp/<pid>-<random>.lock, which it keeps locked with flock(2). The kernel frees the lock when the
// process ends, however it ends, so the lock is the truth about life and death: also when the
// process number was given to somebody else, and when two containers with process numbers of their
// own share the store. The number in the name is for people.
//
// Order: the lock file exists, locked, before its folder; at the end the folder goes first. So a
// folder without lock file, or with one that can be locked, is garbage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "cache/session/layout.h"

namespace slipway::cache {

class Owner {
 public:
  explicit Owner(const Layout& layout);
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  // Removes the folder, which may be full, by moving it to the trash, and the lock file.
  ~Owner();

  const std::string& name() const { return name_; }
  const base::Fd& directory() const { return directory_; }
  std::string path() const;

 private:
  const Layout* layout_;  // the session's
  std::string name_;
  base::Fd lock_;
  base::Fd directory_;
};

bool is_alive(const Layout& layout, const std::string& owner);

// An owner that is gone, locked by us: nobody else clears up behind it.
class DeadOwner {
 public:
  const std::string& name() const { return name_; }
  // Moves its folder to the trash and forgets it. What rows it left must be gone before.
  void bury(const Layout& layout);

 private:
  friend std::vector<DeadOwner> claim_dead_owners(const Layout& layout);
  DeadOwner(std::string name, base::Fd lock) : name_(std::move(name)), lock_(std::move(lock)) {}
  std::string name_;
  base::Fd lock_;  // absent where there is no lock file
};
std::vector<DeadOwner> claim_dead_owners(const Layout& layout);

// Moves whatever `name` is to the trash, in one rename; false if it is not there.
bool move_to_trash(const Layout& layout, const base::Fd& directory, const std::string& name);

}  // namespace slipway::cache
