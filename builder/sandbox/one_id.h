#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/recorded_owner.h"
#include "builder/sandbox/emulated_ids.h"
#include "builder/sandbox/seccomp_filter.h"

// A step in a user namespace of a single id. There the kernel refuses every chown to, and every
// change into, another user or group. Programs that install things take that for a failure, so:
//
//   setgroups, setfsuid, setfsgid             seem to succeed and do nothing (seccomp, errno 0)
//   setuid, setgid, getuid, getgid, their kin come to the step's init, which remembers what each
//                                             process takes for its ids (emulated_ids.h)
//   chown and its kin                         come to the step's init, which records the owner
//                                             beside the file (base/recorded_owner.h)
//
//   step ── chown(path, 33, 33) ──▶ kernel ── notification ──▶ init: opens the file as the step
//                                                              would, chown to 0, set the attribute
//        ◀── 0 or an errno ──────────────────────────────────┘
//
// The init reads the path from the step's memory and opens it once; all that it does is done to
// that descriptor. A step that changes the path meanwhile, or swaps links, gets another of its own
// files recorded: the init lives in the same root with the same rights, and can do nothing that the
// step could not do itself (it may set such attributes, too).
//
// stat is not changed: inside the step everything still belongs to root.

namespace slipway::builder {

enum class OwnerCalls {
  kRecord,   // they come to the listener
  kPretend,  // changes seem to succeed and do nothing
};

// The filter that does this, beside the one that keeps the step in.
SeccompProfile one_id_profile(OwnerCalls calls);

// Installs the filter of kRecord for the calling process and gives the listener; nothing where the
// kernel gives none (before Linux 5.0, or a container manager listens already): then nothing was
// installed.
std::optional<base::Fd> install_listener(std::string_view program);

// Answers the calls. In the init, in the step's root; one thread.
class OwnerRecorder {
 public:
  // `command` is the step's first process, `user` who it is and whose files are that have no
  // record. Changes the working directory to the step's /proc: names there can be trusted whatever
  // is mounted where.
  OwnerRecorder(base::Fd listener, pid_t command, base::RecordedOwner user);

  // Readable when a call waits; -1 when nobody is left who could make one.
  int descriptor() const { return listener_.get(); }
  // Answers one call.
  void answer();
  // What poll said of the descriptor: nobody is left.
  void hang_up() { listener_.reset(); }

 private:
  enum class Kind {
    kPath,
    kLinkItself,
    kDescriptor,
    kAt,
    kSetOne,
    kSetTwo,
    kSetThree,
    kGetReal,
    kGetEffective,
    kGetThree,
  };
  struct Call {
    Kind kind = Kind::kPath;
    EmulatedIds::Whose whose = EmulatedIds::Whose::kUser;
    bool has_short_ids = false;  // 16 bits, of old 32-bit programs
  };
  struct Answer {
    int error = 0;
    std::int64_t value = 0;
  };
  // Numbers of one architecture.
  using CallKey = std::pair<std::uint32_t, std::uint32_t>;

  struct Change {
    pid_t pid = 0;
    int directory = 0;
    std::optional<std::string> path;  // none: `directory` is the file
    bool follow = true;
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
  };

  void add_call(std::string_view name, Kind kind);
  Answer handle(const seccomp_notif& request);
  Answer get_ids(const seccomp_notif& request, const Call& call) const;
  int change_owner(const seccomp_notif& request, const Call& call) const;
  bool is_waiting(std::uint64_t id) const;
  // The file, or an errno.
  std::pair<base::Fd, int> open_file(const Change& change) const;
  int apply(const base::Fd& file, const Change& change) const;

  base::Fd listener_;
  base::RecordedOwner new_owner_;
  EmulatedIds ids_;
  std::map<CallKey, Call> calls_;
  std::vector<char> request_;
  std::vector<char> response_;
};

}  // namespace slipway::builder
