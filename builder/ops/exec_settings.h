#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/devices/device_registry.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

// The bytes of a build secret; printing it shows nothing.
class SecretValue {
 public:
  explicit SecretValue(std::string bytes) : bytes_(std::move(bytes)) {}
  // The one way to the content; look for callers of this.
  const std::string& reveal() const { return bytes_; }

 private:
  std::string bytes_;
};

// What steps are given from outside. None of it is part of a key: it must not change a result.
struct ExecSettings {
  std::map<std::string, SecretValue> secrets;      // --secret, by id
  std::map<std::string, std::string> ssh_sockets;  // --ssh, id -> path of the agent's socket
  bool allow_host_network = false;                 // --allow network.host
  bool allow_insecure = false;                     // --allow security.insecure
  DeviceAllowance allowed_devices;                 // --allow device
  std::vector<std::string> cdi_folders = default_cdi_folders();
  std::string cache_name_space;  // BUILDKIT_CACHE_MOUNT_NS
  std::optional<std::uint64_t> shm_size_bytes;
  std::vector<std::pair<std::string, std::pair<std::uint64_t, std::uint64_t>>>
      ulimits;  // name, soft, hard
  CgroupLimits cgroup;
  std::optional<std::chrono::milliseconds> timeout;  // of each step
  std::optional<std::string> seccomp;           // as SandboxSpec::seccomp: none is Docker's default
  std::optional<std::string> seccomp_document;  // the same, as OciRuntime has it
  bool no_new_privileges = false;
  // What a step's layer with the bytes of one of its secrets is: an error, or a warning.
  bool refuse_leaked_secrets = true;
  std::vector<std::pair<std::string, std::string>> hosts;  // --add-host name, address
  std::vector<std::string> dns_servers;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  // How --network=default gets its own network; none: it is the machine's.
  std::optional<UserNetwork> user_network;
  // The program that runs the steps; none: our own sandbox does.
  std::optional<OciRuntime> runtime;
};

// What they say of limits, time, filter, privileges and runtime, for whatever is run in a sandbox.
// kUsage for a limit that does not exist.
void apply_limits(const ExecSettings& settings, SandboxSpec& spec);

// `host`, a resolv.conf, with the lines of each kind replaced of which some were given.
std::string resolv_conf_with(const ExecSettings& settings, const std::string& host);

}  // namespace slipway::builder
