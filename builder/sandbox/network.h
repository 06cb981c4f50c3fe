#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/process.h"
#include "builder/sandbox/spec.h"

// A way out of a step's own network namespace without privileges: pasta or slirp4netns stand
// outside and carry the packets of a tap device inside over sockets of ours. The machine's loopback
// is not reachable through them.

namespace slipway::builder {

// The first of pasta and slirp4netns found in the folders of `path` (as in $PATH); nothing where
// neither is installed.
std::optional<UserNetwork> find_user_network(std::string_view path);

// For the helper. The program's process; its destructor ends it.
struct NetworkProcess {
  base::Child process;
  base::Fd messages;  // what it wrote to stderr, a memory file
};
// Attaches the namespace of `pid`. The program writes at least a byte to `ready` once packets can
// flow; it closes it without if it fails.
NetworkProcess start_user_network(const UserNetwork& network, pid_t pid, const base::Fd& ready);

// For the step, in its namespace: makes 127.0.0.1 and ::1 work.
void bring_up_loopback();

}  // namespace slipway::builder
