#pragma once

// Flags of every verb that talks to registries.

#include <optional>
#include <string>
#include <vector>

#include "cmd/flags.h"
#include "cmd/services.h"

namespace slipway::cmd {

class RegistryFlags {
 public:
  void add_to(Flags& flags);
  // `domain`: the registry that --creds is for. kUsage for values that can't be understood.
  void apply(const std::string& domain, ServicesOptions& options) const;

 private:
  std::vector<std::string> insecure_;
  std::string credentials_;
  std::string verify_;
};

}  // namespace slipway::cmd
