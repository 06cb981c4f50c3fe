#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/secret.h"

namespace slipway::registry {

// What a host may ask of us. One of: a name with a password, an identity token (which a token
// server takes in place of both), a registry token (sent as it is).
struct Credential {
  std::string username;
  Secret password;
  Secret identity_token;
  Secret registry_token;

  bool empty() const {
    return password.empty() && identity_token.empty() && registry_token.empty();
  }
  friend bool operator==(const Credential&, const Credential&) = default;
};

// Where credentials come from. Safe from several threads at once.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // For a registry ("docker.io", "localhost:5000") and a repository in it ("library/alpine");
  // nothing means: try without. Throws kInput for a file that can't be read as what it is, kSystem
  // for a helper that fails.
  virtual std::optional<Credential> find(std::string_view domain, std::string_view repository,
                                         std::stop_token stop) = 0;
};

class NoCredentials : public CredentialSource {
 public:
  std::optional<Credential> find(std::string_view, std::string_view, std::stop_token) override {
    return std::nullopt;
  }
};
// Those that were given by hand (--creds, login), by host; the other hosts' come from `others`,
// which is owned by the caller and may be null.
class FixedCredentials : public CredentialSource {
 public:
  using ByDomain = std::map<std::string, Credential, std::less<>>;
  explicit FixedCredentials(ByDomain given, CredentialSource* others = nullptr)
      : given_(std::move(given)), others_(others) {}
  std::optional<Credential> find(std::string_view domain, std::string_view repository,
                                 std::stop_token stop) override {
    if (auto found = given_.find(domain); found != given_.end()) {
      return found->second;
    }
    return others_ == nullptr ? std::nullopt : others_->find(domain, repository, std::move(stop));
  }

 private:
  ByDomain given_;
  CredentialSource* others_;
};

// Content of one file: Docker's config.json or a containers auth.json.
struct AuthFile {
  std::map<std::string, Credential> auths;          // by the key as written
  std::map<std::string, std::string> cred_helpers;  // host -> suffix of the helper's name
  std::string creds_store;
};
// kInput naming `what` for text that is no such file.
AuthFile parse_auth_file(std::string_view text, std::string_view what);

// Key of Docker Hub in Docker's config.json.
inline constexpr std::string_view kHubAuthKey = "https://index.docker.io/v1/";

// The entry that serves a repository: path keys ("host/ns/repo", "host/ns") longest first, then the
// host; scheme and path of Docker's own keys don't count, and the Hub has three names.
const Credential* find_auth(const AuthFile& file, std::string_view domain,
                            std::string_view repository);
// The helper for a host, or the empty text: credHelpers, else credsStore.
std::string find_helper(const AuthFile& file, std::string_view domain);

// Where files lie and helpers are found; the values come from the caller's environment.
struct CredentialFileOptions {
  std::string only_file;                 // --authfile: if it is set, no other file counts
  std::string docker_config;             // $DOCKER_CONFIG: a folder
  std::string registry_auth_file;        // $REGISTRY_AUTH_FILE: a file, asked first
  std::string xdg_runtime_dir;           // $XDG_RUNTIME_DIR
  std::string xdg_config_home;           // $XDG_CONFIG_HOME
  std::string home;                      // $HOME
  std::vector<std::string> environment;  // the whole environment of a helper, with PATH
};

// Reads, each time anew (a login in between counts): only_file alone, which must be there
// (kNotFound if it is not), else $REGISTRY_AUTH_FILE, then Docker's config.json, then the auth.json
// of podman and skopeo. The first file that knows the host is it; missing files are fine. Helpers
// are run as docker-credential-<suffix> from PATH.
std::unique_ptr<CredentialSource> make_file_credentials(CredentialFileOptions options);

}  // namespace slipway::registry
