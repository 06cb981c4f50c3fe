#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/process.h"
#include "builder/sandbox/spec.h"

// A network namespace with a way out that needs no privileges: pasta or slirp4netns stand outside
// and carry the packets of a tap device inside over sockets of their own. All steps of a helper
// share one, so a step pays for a setns only:
//
//   machine          pasta (one for each helper)        namespace of the steps
//   192.0.2.2  ◀──── sockets ◀──── tap device ◀──────── 10.83.71.100, default route to .2
//   127.0.0.1        no way                             127.0.0.1 is the steps' own
//
// The machine's own addresses are reached like those of any other machine, and with them whatever
// listens there; what listens on the machine's loopback only is not, by no address. The one
// exception is the machine's name server, if that is on the loopback: .3 forwards to it.

namespace slipway::builder {

// The first of pasta and slirp4netns found in the folders of `path` (as in $PATH); nothing where
// neither is installed.
std::optional<UserNetwork> find_user_network(std::string_view path);
// What people are told then, once.
inline constexpr const char* kNoUserNetworkNotice =
    "steps use the machine's network, because neither pasta (package passt) nor slirp4netns is "
    "installed";

// For the helper: the namespace and its program, which dies with the helper, however that ends.
// Never fails where a network can't be had: that is a phase. One thread.
class SharedNetwork {
 public:
  enum class Phase {
    kStarting,  // steps may be prepared, and wait
    kReady,     // steps may join
    kLost,      // it was ready, and the program has ended since: steps in it have no way out
    kFailed,    // it can't be had here; problem() says why
  };

  // Starts it and does not wait for it.
  explicit SharedNetwork(UserNetwork network);

  const UserNetwork& network() const { return network_; }
  Phase phase() const { return phase_; }
  const std::string& problem() const { return problem_; }
  // Empty if it has failed.
  const base::Fd& name_space() const { return name_space_; }

  // What to poll for, and until when at the latest (nothing: there is no hurry); look() is to be
  // called then. True if the phase is another one now.
  static constexpr std::size_t kWaits = 2;
  std::array<pollfd, kWaits> waits() const;
  std::optional<std::chrono::steady_clock::time_point> deadline() const;
  bool look();

 private:
  void start_program();
  void fail(std::string problem);
  std::string last_message() const;

  UserNetwork network_;
  Phase phase_ = Phase::kStarting;
  std::string problem_;
  base::Fd name_space_;
  base::Fd ready_;     // a byte comes once packets can flow
  base::Fd messages_;  // what the program wrote, a memory file
  std::optional<base::Child> process_;
  std::chrono::steady_clock::time_point deadline_;
};

// For the step, in its namespace: makes 127.0.0.1 and ::1 work.
void bring_up_loopback();

}  // namespace slipway::builder
