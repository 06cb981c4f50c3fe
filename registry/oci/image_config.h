#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cache/content/ids.h"
#include "registry/oci/descriptor.h"
#include "registry/oci/platform.h"

namespace slipway::registry {

// Configs hold labels, history and environment; a few KiB in practice.
inline constexpr std::size_t kConfigBytesMax = 8 * 1024 * 1024;

// Docker's extension. `test` is {"NONE"}, {"CMD", …} or {"CMD-SHELL", text}; empty inherits. A zero
// duration or count is the default of whoever runs it.
struct Healthcheck {
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  std::int64_t retries = 0;

  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

// How a container of the image starts: the member "config".
struct ContainerConfig {
  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "NAME=value", in the order they were set
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  bool args_escaped = false;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  std::optional<std::vector<std::string>> shell;

  friend bool operator==(const ContainerConfig&, const ContainerConfig&) = default;
};

// One line of `history`: a step that made a layer, or changed the config only.
struct History {
  std::optional<base::Timestamp> created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;

  friend bool operator==(const History&, const History&) = default;
};

// What an image is, but for the bytes of its layers. OCI image-spec, config.md, and Docker's
// members beside it. Members that are not here live only in the received bytes.
struct ImageConfig {
  std::optional<base::Timestamp> created;
  std::string author;
  Platform platform;
  ContainerConfig config;
  std::vector<cache::DiffId> diff_ids;  // base first
  std::vector<History> history;

  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

// kInput for what is no image config: not JSON, members of other types, a rootfs that is not made
// of layers, bad diff IDs, more than the limits. Missing architecture and os are taken as the
// host's, as Docker does for very old images. History may disagree with diff_ids here: old tools
// wrote such, and nothing depends on it.
ImageConfig parse_image_config(std::string_view bytes, std::string_view what);

// Deterministic. Top-level members are sorted by name and those inside follow Docker's order, which
// is what BuildKit writes. The digest of these bytes is the image ID.
std::string serialise(const ImageConfig& config);

}  // namespace slipway::registry
