#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace slipway::cmd {

// What the process was given from outside, read once in main: nothing else reads the environment.
struct Environment {
  std::map<std::string, std::string> variables;

  static Environment of_process();
  // Nothing where unset; an empty value is a value.
  std::optional<std::string> find(const std::string& name) const;
  // Unset and empty are the same.
  std::string get(const std::string& name, const std::string& absent = "") const;
  // "NAME=value" for children that should see what we see.
  std::vector<std::string> as_list() const;
};

// Where the store lies: --root, else $SLIPWAY_ROOT, else /var/lib/slipway for root and
// $XDG_DATA_HOME/slipway (by default
// ~/.local/share/slipway) for everybody else.
std::string store_root(const std::string& flag, const Environment& environment, bool is_real_root);

}  // namespace slipway::cmd
