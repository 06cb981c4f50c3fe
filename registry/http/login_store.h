#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "registry/http/credentials.h"

// What `login` and `logout` change: the file that is read first (--authfile, $REGISTRY_AUTH_FILE,
// else Docker's config.json), or the helper that this file names for the host. Everything else in
// the file stays.

namespace slipway::registry {

// What somebody logs in to: a host, or a part of it ("quay.io/team").
struct LoginPlace {
  std::string domain;  // "docker.io" for all names of the Hub
  std::string path;    // "team"; empty: the whole host
  std::string text() const { return path.empty() ? domain : domain + "/" + path; }
  friend bool operator==(const LoginPlace&, const LoginPlace&) = default;
};
// From what people type: "quay.io", "https://index.docker.io/v1/", "quay.io/team"; empty is the
// Hub. Nothing for what is no host.
std::optional<LoginPlace> parse_login_place(std::string_view text);

// Where a login is kept, for people.
struct LoginKept {
  std::string file;
  std::string helper;  // its suffix; empty: the password is in the file, readable by its owner
};
// Replaces the file in one step, mode 0600. kInput for a file that is none, kUsage if the options
// name no place for it.
LoginKept store_login(const CredentialFileOptions& options, const LoginPlace& place,
                      const Credential& credential, std::stop_token stop);
// False if there was none.
bool erase_login(const CredentialFileOptions& options, const LoginPlace& place,
                 std::stop_token stop);

}  // namespace slipway::registry
