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
  // What the flags say, without credentials. kUsage for values that can't be understood.
  RegistryAccess access() const;
  // The same with --creds, which are for `domain`.
  RegistryAccess access(const std::string& domain) const;
  bool has_credential() const { return !credential_.empty(); }
  // --creds; asks for the password where there is a terminal and none was given.
  registry::Credential credential() const;

  const std::string& auth_file() const { return auth_file_; }

 private:
  std::vector<std::string> insecure_;
  std::string credential_;
  std::string verify_;
  std::string auth_file_;
  std::string certificate_directory_;
  std::string timeout_;
  std::string retries_;
  std::string retry_delay_;
};

// "USER:PASSWORD", or "USER" where a terminal can be asked for the rest; kUsage naming `flag`, and
// never showing the text, for what is neither.
registry::Credential parse_credential(const std::string& text, std::string_view flag);

}  // namespace slipway::cmd
