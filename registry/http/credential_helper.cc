#include "registry/http/credential_helper.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

using base::cat;

constexpr std::size_t kAnswerBytesMax = 1024 * 1024;
constexpr std::string_view kIdentityTokenUser = "<token>";
constexpr std::string_view kNotFoundByHelper = "credentials not found in native keychain";

// The program on the PATH of the given environment; ours may be another.
std::string find_program(const std::string& name, const std::vector<std::string>& environment) {
  std::string_view path;
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) {
      path = std::string_view(variable).substr(5);
    }
  }
  for (std::string_view folder : base::split(path, ':')) {
    std::string candidate = cat(folder, '/', name);
    if (folder.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  base::fail(base::ErrorKind::kNotFound,
             cat("credential helper ", name, " is not on the PATH (", path, ")"),
             "install it, or remove it from the configuration and log in again");
}

struct Call {
  std::string_view suffix;
  std::string_view action;
  std::string_view server;
  std::string input;
};

// Its standard output; nothing where it says that it does not know the server.
std::optional<std::string> run_helper(const Call& call, const std::vector<std::string>& environment,
                                      const std::stop_token& stop) {
  std::string program = cat("docker-credential-", call.suffix);
  if (call.suffix.contains('/')) {
    base::fail(base::ErrorKind::kInput,
               cat("credential helper ", base::quote(call.suffix), " is no name of a program"));
  }
  base::Output output = base::noting(
      [&] { return cat("asking ", program, " about the credentials of ", call.server); },
      [&] {
        return base::run_program(
            {.argv = {find_program(program, environment), std::string(call.action)},
             .environment = environment},
            call.input, kAnswerBytesMax, stop);
      });
  std::string_view words = base::trim(output.out);
  if (output.status.success()) {
    return std::string(words);
  }
  if (words.contains(kNotFoundByHelper)) {
    return std::nullopt;
  }
  // Helpers explain themselves on standard output.
  std::string_view why = words.empty() ? base::trim(output.err) : words;
  base::fail(base::ErrorKind::kSystem,
             cat(program, " ", call.action, " for ", call.server, " failed (", output.status.text(),
                 "): ", why.substr(0, 500)));
}

}  // namespace

std::optional<Credential> credential_helper_get(std::string_view suffix, std::string_view server,
                                                const std::vector<std::string>& environment,
                                                std::stop_token stop) {
  std::optional<std::string> text =
      run_helper({suffix, "get", server, cat(server, '\n')}, environment, stop);
  if (!text) {
    return std::nullopt;
  }
  std::string what = cat("answer of docker-credential-", suffix);
  nlohmann::json answer = base::parse_json(*text, what);
  Credential credential{.username = base::json_text(answer, "Username", what)};
  Secret secret(base::json_text(answer, "Secret", what));
  if (secret.empty()) {
    return std::nullopt;
  }
  if (credential.username == kIdentityTokenUser) {
    credential.identity_token = std::move(secret);
  } else {
    credential.password = std::move(secret);
  }
  return credential;
}

void credential_helper_store(std::string_view suffix, std::string_view server,
                             const Credential& credential,
                             const std::vector<std::string>& environment, std::stop_token stop) {
  bool is_token = !credential.identity_token.empty();
  nlohmann::json entry = {
      {"ServerURL", server},
      {"Username", is_token ? std::string(kIdentityTokenUser) : credential.username},
      {"Secret", is_token ? credential.identity_token.reveal() : credential.password.reveal()}};
  run_helper({suffix, "store", server, base::dump_json(entry)}, environment, stop);
}

bool credential_helper_erase(std::string_view suffix, std::string_view server,
                             const std::vector<std::string>& environment, std::stop_token stop) {
  return run_helper({suffix, "erase", server, cat(server, '\n')}, environment, stop).has_value();
}

}  // namespace slipway::registry
