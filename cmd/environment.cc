#include "cmd/environment.h"

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::cmd {

Environment Environment::of_process() {
  Environment environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (auto pair = base::split_once(*entry, '=')) {
      environment.variables.emplace(pair->before, pair->after);
    }
  }
  return environment;
}

std::optional<std::string> Environment::find(const std::string& name) const {
  auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional(found->second);
}

std::string Environment::get(const std::string& name, const std::string& absent) const {
  auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? absent : found->second;
}

std::vector<std::string> Environment::as_list() const {
  std::vector<std::string> list;
  for (const auto& [name, value] : variables) {
    list.push_back(base::cat(name, "=", value));
  }
  return list;
}

std::string store_root(const std::string& flag, const Environment& environment, bool is_real_root) {
  if (!flag.empty()) {
    return flag;
  }
  if (std::string root = environment.get("SLIPWAY_ROOT"); !root.empty()) {
    return root;
  }
  if (is_real_root) {
    return "/var/lib/slipway";
  }
  if (std::string data = environment.get("XDG_DATA_HOME"); !data.empty()) {
    return data + "/slipway";
  }
  std::string home = environment.get("HOME");
  if (home.empty()) {
    base::fail(base::ErrorKind::kUsage,
               "can't tell where the store is: neither HOME nor XDG_DATA_HOME is set",
               "name a folder with --root or SLIPWAY_ROOT");
  }
  return home + "/.local/share/slipway";
}

}  // namespace slipway::cmd
