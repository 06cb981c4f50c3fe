#pragma once

#include <compare>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::registry {

// What an image runs on, in Go's names: linux/amd64, linux/arm64, linux/arm/v7. Field order is the
// order in which image-spec documents write them.
struct Platform {
  std::string architecture;
  std::string os;
  std::string os_version;
  std::vector<std::string> os_features;
  std::string variant;

  // "linux/arm/v7"; the version of the operating system is not part of it.
  std::string text() const;

  friend bool operator==(const Platform&, const Platform&) = default;
  friend auto operator<=>(const Platform&, const Platform&) = default;
};

// "os", "architecture", "os/architecture" or "os/architecture/variant"; a missing part is the
// host's. "windows(10.0.17763)/amd64" gives the version. The result is normalised.
std::expected<Platform, std::string> parse_platform(std::string_view text);

// The field's other names made one: x86_64 is amd64, aarch64 and arm64/v8 are arm64, arm is arm/v7,
// armhf is arm/v7, macos is darwin, amd64/v1 is amd64; an empty OS stays empty.
Platform normalise(Platform platform);

// What this program was compiled for, with linux as the system.
const Platform& host_platform();

// Which platforms do for `wanted`, best first: itself, then what its processor also runs (amd64/v3
// takes v2 and v1, then 386; arm/v7 takes v6 and v5; arm64 takes arm).
std::vector<Platform> platforms_run_by(const Platform& wanted);

// Whether an image made for `offered` does for `wanted` (any of the above).
bool runs_on(const Platform& offered, const Platform& wanted);

}  // namespace slipway::registry
