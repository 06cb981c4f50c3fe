#include "registry/http/credentials.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/http/credential_helper.h"

// config.json of Docker, auth.json of podman and skopeo, and the helpers both call. The Hub is
// written in three ways: "docker.io" in references, "https://index.docker.io/v1/" in Docker's file,
// "registry-1.docker.io" on the wire.

namespace slipway::registry {

namespace {

constexpr std::size_t kAuthFileBytesMax = 4 * 1024 * 1024;

bool is_hub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

// "https://host/v1/" and "host" are the same key.
std::string_view without_scheme(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
    }
  }
  return key;
}

std::string_view host_of(std::string_view key) {
  std::string_view rest = without_scheme(key);
  return rest.substr(0, rest.find('/'));
}

bool is_same_host(std::string_view left, std::string_view right) {
  return left == right || (is_hub(left) && is_hub(right));
}

std::string to_server(std::string_view domain) {
  return std::string(is_hub(domain) ? kHubAuthKey : domain);
}

Credential parse_auth(const nlohmann::json& entry, std::string_view what) {
  Credential credential{
      .username = base::json_text(entry, "username", what),
      .password = Secret(base::json_text(entry, "password", what)),
      .identity_token = Secret(base::json_text(entry, "identitytoken", what)),
      .registry_token = Secret(base::json_text(entry, "registrytoken", what)),
  };
  std::string auth = base::json_text(entry, "auth", what);
  if (auth.empty()) {
    return credential;
  }
  std::optional<std::string> decoded = base::from_base64(auth);
  auto pair = decoded ? base::split_once(*decoded, ':') : std::nullopt;
  if (!pair) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, ": an \"auth\" is not the base64 of user:password"), "log in again");
  }
  credential.username = pair->before;
  // Old versions of Docker padded the password with NULs.
  std::string_view password = pair->after;
  credential.password =
      Secret(std::string(password.substr(0, password.find_last_not_of('\0') + 1)));
  return credential;
}

class FileCredentials : public CredentialSource {
 public:
  explicit FileCredentials(CredentialFileOptions options) : options_(std::move(options)) {}

  std::optional<Credential> find(std::string_view domain, std::string_view repository,
                                 std::stop_token stop) override {
    for (const std::string& path : paths()) {
      std::optional<std::string> text = base::find_file_content(path, kAuthFileBytesMax);
      if (!text && path == options_.only_file) {
        base::fail(base::ErrorKind::kNotFound, base::cat("no file of credentials ", path));
      }
      if (!text || base::trim(*text).empty()) {
        continue;
      }
      AuthFile file = parse_auth_file(*text, path);
      if (auto found = find_in(file, domain, repository, stop)) {
        return found;
      }
    }
    return std::nullopt;
  }

 private:
  std::vector<std::string> paths() const {
    if (!options_.only_file.empty()) {
      return {options_.only_file};
    }
    std::vector<std::string> result;
    auto add = [&](const std::string& folder, std::string_view rest) {
      if (!folder.empty()) {
        result.push_back(base::cat(folder, rest));
      }
    };
    add(options_.registry_auth_file, "");
    if (options_.docker_config.empty()) {
      add(options_.home, "/.docker/config.json");
    } else {
      add(options_.docker_config, "/config.json");
    }
    add(options_.xdg_runtime_dir, "/containers/auth.json");
    if (options_.xdg_config_home.empty()) {
      add(options_.home, "/.config/containers/auth.json");
    } else {
      add(options_.xdg_config_home, "/containers/auth.json");
    }
    return result;
  }

  std::optional<Credential> find_in(const AuthFile& file, std::string_view domain,
                                    std::string_view repository, std::stop_token stop) const {
    std::string helper = find_helper(file, domain);
    if (!helper.empty()) {
      auto found = credential_helper_get(helper, to_server(domain), options_.environment, stop);
      if (found) {
        return found;
      }
    }
    const Credential* found = find_auth(file, domain, repository);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  CredentialFileOptions options_;
};

}  // namespace

AuthFile parse_auth_file(std::string_view text, std::string_view what) {
  nlohmann::json document = base::parse_json(text, what);
  if (!document.is_object()) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " is not a JSON object"));
  }
  AuthFile file{.creds_store = base::json_text(document, "credsStore", what)};
  auto read_object = [&](const char* name, auto take) {
    auto member = document.find(name);
    if (member == document.end() || member->is_null()) {
      return;
    }
    if (!member->is_object()) {
      base::fail(base::ErrorKind::kInput,
                 base::cat(what, ": member \"", name, "\" is not an object"));
    }
    for (const auto& [key, value] : member->items()) {
      take(key, value);
    }
  };
  read_object("auths", [&](const std::string& key, const nlohmann::json& value) {
    file.auths[key] = parse_auth(value, base::cat(what, ", auths of ", key));
  });
  read_object("credHelpers", [&](const std::string& key, const nlohmann::json& value) {
    if (value.is_string()) {
      file.cred_helpers[key] = value.get<std::string>();
    }
  });
  return file;
}

const Credential* find_auth(const AuthFile& file, std::string_view domain,
                            std::string_view repository) {
  const Credential* best = nullptr;
  std::size_t best_length = 0;
  bool best_is_exact = false;
  for (const auto& [key, credential] : file.auths) {
    if (!is_same_host(host_of(key), domain) || credential.empty()) {
      continue;
    }
    std::string_view rest = without_scheme(key);
    std::string_view path = rest.substr(std::min(rest.find('/'), rest.size()));
    // Docker writes "https://host/v1/"; a key with a scheme is a host, whatever follows.
    if (rest.size() != key.size() || path == "/") {
      path = "";
    }
    std::string_view prefix = path.substr(path.empty() ? 0 : 1);
    bool covers =
        prefix.empty() || repository == prefix ||
        (repository.starts_with(prefix) && repository.substr(prefix.size()).starts_with('/'));
    bool exact = host_of(key) == domain;
    bool better = best == nullptr || prefix.size() > best_length ||
                  (prefix.size() == best_length && exact && !best_is_exact);
    if (covers && better) {
      best = &credential;
      best_length = prefix.size();
      best_is_exact = exact;
    }
  }
  return best;
}

std::string find_helper(const AuthFile& file, std::string_view domain) {
  for (const auto& [key, suffix] : file.cred_helpers) {
    if (is_same_host(host_of(key), domain)) {
      return suffix;
    }
  }
  return file.creds_store;
}

std::unique_ptr<CredentialSource> make_file_credentials(CredentialFileOptions options) {
  return std::make_unique<FileCredentials>(std::move(options));
}

}  // namespace slipway::registry
