#include "registry/oci/platform.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace slipway::registry {

namespace {

constexpr std::array<std::string_view, 16> kKnownSystems = {
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios",
    "js",  "linux",   "netbsd", "openbsd",   "plan9",   "solaris", "windows", "zos"};
constexpr std::array<std::string_view, 24> kKnownArchitectures = {
    "386",     "amd64",  "amd64p32", "arm",      "armbe",     "arm64",       "arm64be", "loong64",
    "mips",    "mipsle", "mips64",   "mips64le", "mips64p32", "mips64p32le", "ppc",     "ppc64",
    "ppc64le", "riscv",  "riscv64",  "s390",     "s390x",     "sparc",       "sparc64", "wasm"};

template <typename List>
bool contains(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_part(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

std::string invalid(std::string_view text, std::string_view why) {
  return base::cat("platform ", base::quote(text), ": ", why);
}

void normalise_arm(Platform& platform) {
  if (platform.variant.empty() || platform.variant == "7") {
    platform.variant = "v7";
  } else if (platform.variant == "5" || platform.variant == "6" || platform.variant == "8") {
    platform.variant.insert(0, 1, 'v');
  }
}

// "v3" gives 3.
std::optional<int> variant_number(std::string_view variant) {
  if (!variant.starts_with('v')) {
    return std::nullopt;
  }
  return base::parse_integer<int>(variant.substr(1));
}

Platform with(const Platform& platform, std::string_view architecture, std::string variant) {
  Platform result = platform;
  result.architecture = architecture;
  result.variant = std::move(variant);
  return result;
}

void add_lower_variants(std::vector<Platform>& list, const Platform& platform,
                        std::string_view architecture, int from, int to) {
  for (int number = from; number >= to; --number) {
    list.push_back(normalise(with(platform, architecture, base::cat('v', number))));
  }
}

// "windows(10.0.17763)" taken apart.
std::expected<Platform, std::string> parse_system(std::string_view part, std::string_view text) {
  Platform platform;
  if (auto pair = base::split_once(part, '('); pair && pair->after.ends_with(')')) {
    platform.os_version = pair->after.substr(0, pair->after.size() - 1);
    part = pair->before;
  }
  if (!is_part(part) || (!platform.os_version.empty() && !is_part(platform.os_version))) {
    return std::unexpected(invalid(
        text,
        base::cat(base::quote(part), " is not made of letters, digits, '.', '_' and '-' only")));
  }
  platform.os = base::to_lower_ascii(part);
  return platform;
}

}  // namespace

std::string Platform::text() const {
  std::string result = base::cat(os, '/', architecture);
  if (!variant.empty()) {
    result += '/';
    result += variant;
  }
  return result;
}

Platform normalise(Platform platform) {
  platform.os = base::to_lower_ascii(platform.os);
  platform.architecture = base::to_lower_ascii(platform.architecture);
  platform.variant = base::to_lower_ascii(platform.variant);
  if (platform.os == "macos") {
    platform.os = "darwin";
  }
  const std::string architecture = platform.architecture;
  if (architecture == "i386") {
    platform.architecture = "386";
    platform.variant.clear();
  } else if (architecture == "x86_64" || architecture == "x86-64" || architecture == "amd64") {
    platform.architecture = "amd64";
    if (platform.variant == "v1") {
      platform.variant.clear();
    }
  } else if (architecture == "aarch64" || architecture == "arm64") {
    platform.architecture = "arm64";
    if (platform.variant == "8" || platform.variant == "v8") {
      platform.variant.clear();
    }
  } else if (architecture == "armhf" || architecture == "armel") {
    platform.architecture = "arm";
    platform.variant = architecture == "armhf" ? "v7" : "v6";
  } else if (architecture == "arm") {
    normalise_arm(platform);
  }
  return platform;
}

const Platform& host_platform() {
#if defined(__x86_64__)
  static const Platform kHost = {.architecture = "amd64", .os = "linux"};
#elif defined(__aarch64__)
  static const Platform kHost = {.architecture = "arm64", .os = "linux"};
#elif defined(__arm__)
  static const Platform kHost = {.architecture = "arm", .os = "linux", .variant = "v7"};
#elif defined(__i386__)
  static const Platform kHost = {.architecture = "386", .os = "linux"};
#elif defined(__riscv)
  static const Platform kHost = {.architecture = "riscv64", .os = "linux"};
#elif defined(__s390x__)
  static const Platform kHost = {.architecture = "s390x", .os = "linux"};
#elif defined(__powerpc64__)
  static const Platform kHost = {.architecture = "ppc64le", .os = "linux"};
#else
#error "name this processor as Go does"
#endif
  return kHost;
}

std::expected<Platform, std::string> parse_platform(std::string_view text) {
  std::vector<std::string_view> parts = base::split(text, '/');
  if (parts.size() > 3) {
    return std::unexpected(invalid(text, "more than os/architecture/variant"));
  }
  auto system = parse_system(parts[0], text);
  if (!system) {
    return system;
  }
  for (std::string_view part : parts) {
    if (part.data() != parts[0].data() && !is_part(part)) {
      return std::unexpected(invalid(
          text,
          base::cat(base::quote(part), " is not made of letters, digits, '.', '_' and '-' only")));
    }
  }
  Platform platform = *std::move(system);
  if (parts.size() == 1) {
    Platform as_architecture = normalise({.architecture = platform.os});
    if (contains(kKnownSystems, normalise(platform).os)) {
      platform.architecture = host_platform().architecture;
      platform.variant = host_platform().variant;
    } else if (contains(kKnownArchitectures, as_architecture.architecture)) {
      platform = as_architecture;
      platform.os = host_platform().os;
    } else {
      return std::unexpected(invalid(text, "unknown operating system or architecture"));
    }
    return normalise(std::move(platform));
  }
  platform.architecture = parts[1];
  platform.variant = parts.size() == 3 ? parts[2] : "";
  return normalise(std::move(platform));
}

std::vector<Platform> platforms_run_by(const Platform& wanted) {
  Platform first = normalise(wanted);
  std::vector<Platform> list = {first};
  std::optional<int> number = variant_number(first.variant);
  if (first.architecture == "amd64") {
    if (number) {
      add_lower_variants(list, first, "amd64", std::min(*number, 9) - 1, 1);
    }
    list.push_back(with(first, "386", ""));
  } else if (first.architecture == "arm") {
    if (number) {
      add_lower_variants(list, first, "arm", std::min(*number, 8) - 1, 5);
    }
  } else if (first.architecture == "arm64") {
    if (!first.variant.empty()) {
      list.push_back(with(first, "arm64", ""));
    }
    add_lower_variants(list, first, "arm", 8, 5);
  }
  return list;
}

bool runs_on(const Platform& offered, const Platform& wanted) {
  Platform normal = normalise(offered);
  std::vector<Platform> list = platforms_run_by(wanted);
  return std::any_of(list.begin(), list.end(), [&](const Platform& platform) {
    return platform.os == normal.os && platform.architecture == normal.architecture &&
           platform.variant == normal.variant;
  });
}

}  // namespace slipway::registry
