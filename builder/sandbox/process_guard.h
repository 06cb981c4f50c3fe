#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/descendants.h"
#include "builder/sandbox/seccomp_filter.h"

// A step without namespaces sees the numbers of all processes around it, and root may send signals
// to root's. So its calls that act on a process by number are asked for:
//
//   step ── kill(-1, 9) ──▶ kernel ── notification ──▶ init: to whom? does that descend from me?
//        ◀── 0 or an errno ────────────────────────────────┘ sends it in the step's name
//
// A call that can only mean the caller itself goes on in the kernel. Any other is made by the init,
// on a pidfd whose process was looked at: a number that is given to somebody else meanwhile changes
// nothing. What else could reach outside is refused by the same filter: chroot, mounts,
// namespaces, ptrace and other processes' memory, owners of descriptors' signals (F_SETOWN).

namespace slipway::builder {

// The filter, beside the one that keeps the step in; it holds also where that one is left out.
SeccompProfile process_guard_profile();

// In the init of a step, which is outside of the step's root. One thread.
class ProcessGuard {
 public:
  // `proc` is the machine's /proc, owned by the caller.
  ProcessGuard(base::Fd listener, const base::Fd& proc);

  // Readable when a call waits; -1 when nobody is left who could make one.
  int descriptor() const { return listener_.get(); }
  void answer();
  void hang_up() { listener_.reset(); }

 private:
  enum class Kind { kKill, kThread, kThreadOf, kQueue, kOneself, kPriority, kInputPriority };
  struct Answer {
    int error = 0;
    bool goes_on = false;  // the kernel makes the call
  };

  void add_call(const std::string& name, Kind kind);
  Answer handle(const seccomp_notif& request) const;
  Answer kill(const ProcessStatus& sender, pid_t target, int number) const;
  Answer kill_thread(const ProcessStatus& sender, pid_t sender_thread, pid_t process, pid_t thread,
                     int number) const;
  Answer kill_many(const ProcessStatus& sender, pid_t target, int number) const;
  int kill_one(const ProcessStatus& sender, pid_t target, int number) const;
  Answer for_oneself(const ProcessStatus& sender, pid_t target) const;

  base::Fd listener_;
  const base::Fd& proc_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Kind> calls_;  // by architecture and number
  std::vector<char> request_;
  std::vector<char> response_;
};

}  // namespace slipway::builder
