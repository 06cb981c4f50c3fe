#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/fd.h"

// Which processes belong to a command that has no process namespace of its own: those that descend
// from its init, which adopts orphans (PR_SET_CHILD_SUBREAPER). /proc says who descends from whom.

namespace slipway::builder {

struct ProcessStatus {
  pid_t process = 0;  // a thread's
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint32_t real_user = 0;
  std::uint32_t effective_user = 0;
  std::uint32_t saved_user = 0;
  std::uint64_t capabilities = 0;  // effective
};

// Of a process or thread; nothing if it is gone.
std::optional<ProcessStatus> find_process(const base::Fd& proc, pid_t thread);

// Does it descend from `ancestor`? Not itself.
bool descends_from(const base::Fd& proc, pid_t process, pid_t ancestor);

// All that descend from it, by their numbers.
std::map<pid_t, ProcessStatus> descendants_of(const base::Fd& proc, pid_t ancestor);

// Kills all descendants of the caller and reaps them, but for the children in `spared` (and what
// descends from those). Returns when none is left.
void kill_descendants(const base::Fd& proc, const std::vector<pid_t>& spared);

}  // namespace slipway::builder
