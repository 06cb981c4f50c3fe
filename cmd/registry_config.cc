#include "cmd/registry_config.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/text.h"
#include "cmd/services.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kFileBytesMax = 4 * 1024 * 1024;

// False if it is not there.
bool add_file(registry::RegistrySettings& settings, const std::string& path) {
  std::optional<std::string> text = base::find_file_content(path, kFileBytesMax);
  if (text) {
    registry::add_registries_conf(settings, *text, path);
  }
  return text.has_value();
}

void add_folder(registry::RegistrySettings& settings, const std::string& path) {
  base::Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return;  // there need not be one
  }
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    if (entry.name.ends_with(".conf")) {
      add_file(settings, cat(path, "/", entry.name));
    }
  }
}

}  // namespace

std::string aliases_file_of(const Environment& environment, bool is_root) {
  constexpr std::string_view kName = "/containers/short-name-aliases.conf";
  if (is_root) {
    return cat("/var/cache", kName);
  }
  std::string home = environment.get("HOME");
  std::string folder = environment.get("XDG_CACHE_HOME", home.empty() ? "" : home + "/.cache");
  return folder.empty() ? "" : cat(folder, kName);
}

registry::RegistrySettings read_registry_settings(const Environment& environment,
                                                  const std::string& aliases_file) {
  registry::RegistrySettings settings;
  std::string home = environment.get("HOME");
  std::string user = environment.get("XDG_CONFIG_HOME", home.empty() ? "" : home + "/.config");
  if (std::string only = environment.get("CONTAINERS_REGISTRIES_CONF"); !only.empty()) {
    add_file(settings, only);
  } else {
    if (user.empty() || !add_file(settings, user + "/containers/registries.conf")) {
      add_file(settings, "/etc/containers/registries.conf");
    }
    add_folder(settings, "/etc/containers/registries.conf.d");
    if (!user.empty()) {
      add_folder(settings, user + "/containers/registries.conf.d");
    }
  }
  // Root's is not for the root of somebody's user namespace.
  if (!aliases_file.empty() && ::access(aliases_file.c_str(), R_OK) == 0) {
    add_file(settings, aliases_file);
  }
  settings.hub_mirrors = split_hosts(environment.get("SLIPWAY_HUB_MIRRORS"));
  for (const std::string& path : {std::string("/etc/docker/daemon.json"),
                                  user.empty() ? std::string() : user + "/docker/daemon.json"}) {
    std::optional<std::string> text =
        path.empty() ? std::nullopt : base::find_file_content(path, kFileBytesMax);
    if (text && !base::trim(*text).empty()) {
      registry::add_daemon_json(settings, *text, path);
    }
  }
  return settings;
}

}  // namespace slipway::cmd
