#include "registry/http/login_store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/named_file.h"
#include "base/text.h"
#include "registry/http/credential_helper.h"
#include "registry/http/url.h"

namespace slipway::registry {

namespace {

using base::cat;

constexpr std::size_t kAuthFileBytesMax = 4 * 1024 * 1024;

bool is_hub(std::string_view domain) {
  return domain == "docker.io" || domain == "index.docker.io" || domain == "registry-1.docker.io";
}

// The file that a login changes, and whether it is Docker's (which has its own key for the Hub).
struct Target {
  std::string path;
  bool is_dockers = true;
};

Target target_of(const CredentialFileOptions& options) {
  if (!options.only_file.empty()) {
    return {options.only_file, false};
  }
  if (!options.registry_auth_file.empty()) {
    return {options.registry_auth_file, false};
  }
  if (!options.docker_config.empty()) {
    return {cat(options.docker_config, "/config.json"), true};
  }
  if (options.home.empty()) {
    base::fail(base::ErrorKind::kUsage, "can't tell where credentials are kept: HOME is not set",
               "name a folder with DOCKER_CONFIG, or a file with REGISTRY_AUTH_FILE");
  }
  return {cat(options.home, "/.docker/config.json"), true};
}

// The file as it is, changed and written by its owner only.
class LoginFile {
 public:
  explicit LoginFile(const CredentialFileOptions& options) : target_(target_of(options)) {
    path_ = base::behind_links(target_.path);
    std::string text = base::find_file_content(path_, kAuthFileBytesMax).value_or("");
    if (base::trim(text).empty()) {
      text = "{}";
    }
    parsed_ = parse_auth_file(text, target_.path);
    document_ = base::parse_json(text, target_.path);
  }

  const AuthFile& parsed() const { return parsed_; }
  const std::string& path() const { return target_.path; }
  std::string key_of(const LoginPlace& place) const {
    bool is_hub_key = target_.is_dockers && place.domain == "docker.io" && place.path.empty();
    return is_hub_key ? std::string(kHubAuthKey) : place.text();
  }

  void set(const std::string& key, nlohmann::json entry) {
    document_["auths"][key] = std::move(entry);
  }
  // All entries for the place, however they are written.
  bool erase(const LoginPlace& place) {
    auto auths = document_.find("auths");
    if (auths == document_.end() || !auths->is_object()) {
      return false;
    }
    std::vector<std::string> keys;
    for (const auto& [key, value] : auths->items()) {
      if (parse_login_place(key) == place) {
        keys.push_back(key);
      }
    }
    for (const std::string& key : keys) {
      auths->erase(key);
    }
    return !keys.empty();
  }

  void write() const {
    std::size_t slash = path_.rfind('/');
    std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    base::Fd directory = base::ensure_directory(folder, 0700);
    base::write_file_atomically(directory, path_.substr(slash == std::string::npos ? 0 : slash + 1),
                                document_.dump(1, '\t') + "\n", 0600);
  }

 private:
  Target target_;
  std::string path_;
  AuthFile parsed_;
  nlohmann::json document_;
};

std::string server_of(const LoginPlace& place) {
  return place.domain == "docker.io" ? std::string(kHubAuthKey) : place.domain;
}

nlohmann::json entry_of(const Credential& credential) {
  nlohmann::json entry = {
      {"auth", base::to_base64(cat(credential.username, ':', credential.password.reveal()))}};
  if (!credential.identity_token.empty()) {
    entry["auth"] = base::to_base64(cat(credential.username, ':'));
    entry["identitytoken"] = credential.identity_token.reveal();
  }
  return entry;
}

}  // namespace

std::optional<LoginPlace> parse_login_place(std::string_view text) {
  if (text.empty()) {
    return LoginPlace{.domain = "docker.io", .path = ""};
  }
  bool has_scheme = false;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) {
      text.remove_prefix(scheme.size());
      has_scheme = true;
    }
  }
  std::size_t slash = std::min(text.find('/'), text.size());
  std::string domain = base::to_lower_ascii(text.substr(0, slash));
  if (!parse_host_port(domain)) {
    return std::nullopt;
  }
  std::string_view path = text.substr(slash);
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  // Docker's keys are URLs with the version of an old protocol behind.
  if (has_scheme || is_hub(domain)) {
    path = path == "v1" || path == "v2" || has_scheme ? std::string_view() : path;
  }
  return LoginPlace{.domain = is_hub(domain) ? "docker.io" : std::move(domain),
                    .path = std::string(path)};
}

LoginKept store_login(const CredentialFileOptions& options, const LoginPlace& place,
                      const Credential& credential, std::stop_token stop) {
  LoginFile file(options);
  std::string helper = find_helper(file.parsed(), place.domain);
  // Helpers keep one entry for a host; what is for a part of one goes to the file.
  if (!place.path.empty()) {
    helper.clear();
  }
  file.erase(place);
  if (helper.empty()) {
    file.set(file.key_of(place), entry_of(credential));
  } else {
    credential_helper_store(helper, server_of(place), credential, options.environment,
                            std::move(stop));
    file.set(file.key_of(place), nlohmann::json::object());
  }
  file.write();
  return {.file = file.path(), .helper = helper};
}

bool erase_login(const CredentialFileOptions& options, const LoginPlace& place,
                 std::stop_token stop) {
  LoginFile file(options);
  std::string helper = find_helper(file.parsed(), place.domain);
  bool erased = false;
  if (!helper.empty() && place.path.empty()) {
    erased =
        credential_helper_erase(helper, server_of(place), options.environment, std::move(stop));
  }
  if (file.erase(place)) {
    file.write();
    erased = true;
  }
  return erased;
}

}  // namespace slipway::registry
