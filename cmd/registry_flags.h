#pragma once

// Flags of every verb that talks to registries.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/flags.h"
#include "cmd/services.h"
#include "registry/image_bundle.h"
#include "registry/push.h"

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

// --foreign-layers of push and copy: "keep" (the empty text, too), "upload", "refuse".
enum class ForeignPolicy { kKeep, kUpload, kRefuse };
ForeignPolicy parse_foreign_layers(const std::string& text);
// kDenied for a bundle with such layers where they are refused.
void check_foreign_layers(ForeignPolicy policy, std::span<const registry::ExportImage> images);
registry::ForeignLayers foreign_layers_of(ForeignPolicy policy);
inline constexpr std::string_view kForeignLayersHelp =
    "Layers that only their owner may give out: keep there (default), upload, refuse";

// "USER:PASSWORD", or "USER" where a terminal can be asked for the rest; kUsage naming `flag`, and
// never showing the text, for what is neither.
registry::Credential parse_credential(const std::string& text, std::string_view flag);

}  // namespace slipway::cmd
