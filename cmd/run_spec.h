#pragma once

// What `run` asks of the sandbox: flags over the image's config.

#include <string>
#include <vector>

#include "builder/layer/tree_view.h"
#include "builder/sandbox/spec.h"
#include "cmd/run_flags.h"
#include "registry/oci/image_config.h"

namespace slipway::cmd {

// What the spec depends on besides flags and config; gathered by the caller.
struct RunSurroundings {
  const Environment* environment;
  std::string working_directory;  // ours: what relative volumes start from
  std::string random_name;        // host name where none is given
  // A program that gives the container a network of its own; none: it is the machine's.
  std::optional<builder::UserNetwork> user_network;
  std::string resolv_conf;  // the machine's
};

// The argument vector: --entrypoint and words over Entrypoint and Cmd. kUsage if that is nothing.
std::vector<std::string> run_arguments(const RunFlags& flags,
                                       const registry::ContainerConfig& config);

// The variables in docker's order: PATH, HOSTNAME, TERM, the image's, the user's. HOME is added by
// make_run_spec, which knows the user.
std::vector<std::string> run_environment(const RunFlags& flags,
                                         const registry::ContainerConfig& config,
                                         const std::string& hostname,
                                         const Environment& environment);

// What the config of a container is: the image's with what the flags change for good.
registry::ContainerConfig container_config(const RunFlags& flags,
                                           const registry::ContainerConfig& config,
                                           const Environment& environment);

// Everything but the root and the terminal. `root` are the image's files, for looking up users.
builder::SandboxSpec make_run_spec(const RunFlags& flags, const registry::ContainerConfig& config,
                                   const builder::TreeView& root,
                                   const RunSurroundings& surroundings);

}  // namespace slipway::cmd
