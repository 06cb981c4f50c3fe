#include "registry/http/auth.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/http/error_body.h"

// Docker's token protocol ("distribution spec, token authentication"): a Bearer challenge names a
// realm, which is asked with GET (and Basic credentials, if there are any) or, for identity tokens,
// with an OAuth2 POST.

namespace slipway::registry {

namespace {

constexpr std::size_t kTokenBytesMax = 1024 * 1024;
// What the protocol says where expires_in is missing; shorter ones are lengthened to it, as
// Docker's client does: a token that is refused meanwhile is simply fetched again.
constexpr std::int64_t kTokenLifeMin_s = 60;
// A token is not sent any more so long before its end.
constexpr std::int64_t kTokenMargin_s = 5;
constexpr std::string_view kClientId = "slipway";

bool is_covered(const std::set<Scope>& wanted, const std::set<Scope>& granted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Scope& want) {
    return std::any_of(granted.begin(), granted.end(), [&](const Scope& have) {
      return have.type == want.type && have.name == want.name &&
             std::includes(have.actions.begin(), have.actions.end(), want.actions.begin(),
                           want.actions.end());
    });
  });
}

// One scope for each name, with the actions of both lists. The challenge may know the repository
// under another name than we do (a mirror that rewrites paths), or less than we need.
std::vector<std::string> merged_scopes(const std::set<Scope>& ours, std::string_view challenged) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> merged;
  auto take = [&](const Scope& scope) {
    merged[{scope.type, scope.name}].insert(scope.actions.begin(), scope.actions.end());
  };
  std::for_each(ours.begin(), ours.end(), take);
  for (std::string_view text : base::split(challenged, ' ')) {
    if (auto scope = Scope::parse(text)) {
      take(*scope);
    }
  }
  std::vector<std::string> texts;
  for (const auto& [name, actions] : merged) {
    texts.push_back(
        Scope{.type = name.first, .name = name.second, .actions = {actions.begin(), actions.end()}}
            .text());
  }
  return texts;
}

// A header value that a peer chose: nothing that could end the header line.
bool is_header_safe(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string form(const std::vector<std::pair<std::string_view, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) {
      text += base::cat(text.empty() ? "" : "&", name, '=', base::percent_encode(value));
    }
  }
  return text;
}

Request token_get(Url realm, std::string_view service, const std::vector<std::string>& scopes,
                  const std::optional<Credential>& credential) {
  Request request{.url = std::move(realm)};
  if (!service.empty()) {
    request.url.add_query("service", service);
  }
  for (const std::string& scope : scopes) {
    request.url.add_query("scope", scope);
  }
  if (credential && !credential->password.empty()) {
    request.url.add_query("account", credential->username);
    request.headers.set("Authorization", basic_header(*credential).reveal());
  }
  return request;
}

Request token_post(Url realm, std::string_view service, const std::vector<std::string>& scopes,
                   const Credential& credential) {
  Request request{.method = "POST", .url = std::move(realm)};
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = body_of_text(form({{"grant_type", "refresh_token"},
                                    {"refresh_token", credential.identity_token.reveal()},
                                    {"service", std::string(service)},
                                    {"client_id", std::string(kClientId)},
                                    {"scope", base::join(scopes, " ")}}));
  return request;
}

[[noreturn]] void fail_token(const Request& request, int status, std::string_view body,
                             bool had_credentials) {
  std::string words = registry_words(body);
  std::string message = base::cat("token server ", request.url.display(), " answered ", status,
                                  words.empty() ? "" : ": ", words);
  if (status == 400 || status == 401 || status == 403) {
    base::fail(base::ErrorKind::kDenied, std::move(message),
               had_credentials ? "the stored credentials may be wrong or expired: log in again"
                               : "no credentials are stored for this registry: log in first");
  }
  base::fail(base::ErrorKind::kNetwork, std::move(message));
}

}  // namespace

Secret basic_header(const Credential& credential) {
  return Secret(base::cat("Basic ", base::to_base64(base::cat(credential.username, ':',
                                                              credential.password.reveal()))));
}

std::optional<Secret> Authorizer::header(const std::set<Scope>& scopes) {
  std::int64_t now = sender_->clock().now().seconds;
  auto state = state_.lock();
  if (state->basic) {
    return state->basic;
  }
  for (const auto& [granted, token] : state->tokens) {
    if (token.expires.seconds - kTokenMargin_s > now && is_covered(scopes, granted)) {
      return token.header;
    }
  }
  return std::nullopt;
}

std::optional<Credential> Authorizer::credential(const std::set<Scope>& scopes,
                                                 std::stop_token stop) {
  std::string repository;
  for (const Scope& scope : scopes) {
    // The repository that is written to, else any: its credentials are the ones that matter.
    bool writes =
        std::find(scope.actions.begin(), scope.actions.end(), "push") != scope.actions.end();
    if (repository.empty() || writes) {
      repository = scope.name;
    }
  }
  {
    auto state = state_.lock();
    if (auto known = state->credentials.find(repository); known != state->credentials.end()) {
      return known->second;
    }
  }
  std::optional<Credential> found = credentials_->find(domain_, repository, stop);
  state_.lock()->credentials[repository] = found;
  return found;
}

bool Authorizer::take_basic(const std::optional<Credential>& credential, const Refusal& refusal) {
  if (!credential || credential->password.empty()) {
    return false;
  }
  Secret header = basic_header(*credential);
  if (refusal.sent == header) {
    return false;
  }
  state_.lock()->basic = std::move(header);
  return true;
}

bool Authorizer::answer(const Refusal& refusal, const std::set<Scope>& scopes,
                        std::stop_token stop) {
  // Another thread may have been faster.
  std::optional<Secret> known = header(scopes);
  if (known && known != refusal.sent) {
    return true;
  }
  std::optional<Credential> found = credential(scopes, stop);
  auto find_scheme = [&](std::string_view scheme) {
    return std::find_if(refusal.challenges.begin(), refusal.challenges.end(),
                        [&](const Challenge& challenge) { return challenge.scheme == scheme; });
  };
  auto bearer = find_scheme("bearer");
  if (bearer == refusal.challenges.end()) {
    return find_scheme("basic") != refusal.challenges.end() && take_basic(found, refusal);
  }
  Token token{.header = Secret(), .expires = {}};
  if (found && !found->registry_token.empty()) {
    token.header = Secret(base::cat("Bearer ", found->registry_token.reveal()));
    token.expires.seconds = sender_->clock().now().seconds + 365 * 86400;
    if (refusal.sent == token.header) {
      return false;
    }
  } else {
    token = fetch_token(*bearer, found, scopes, refusal.insecure, stop);
  }
  auto state = state_.lock();
  std::erase_if(state->tokens, [&](const auto& entry) {
    return refusal.sent == entry.second.header || is_covered(entry.first, scopes);
  });
  state->tokens.insert_or_assign(scopes, std::move(token));
  return true;
}

Authorizer::Token Authorizer::fetch_token(const Challenge& challenge,
                                          const std::optional<Credential>& credential,
                                          const std::set<Scope>& scopes, bool insecure,
                                          std::stop_token stop) {
  std::string realm_text(challenge.parameter("realm"));
  std::optional<Url> realm = Url::parse(realm_text);
  if (!realm) {
    base::fail(base::ErrorKind::kNetwork,
               base::cat(domain_, " names a token server that is no URL: ",
                         base::quote(realm_text.substr(0, 200))));
  }
  if (!realm->tls && !insecure && !is_loopback(realm->host) && credential) {
    base::fail(base::ErrorKind::kDenied,
               base::cat(domain_, " names a token server without TLS, ", realm->display(),
                         ", to which no credentials are sent"));
  }
  std::string service(challenge.parameter("service"));
  std::vector<std::string> texts = merged_scopes(scopes, challenge.parameter("scope"));
  bool with_identity = credential && !credential->identity_token.empty();
  bool wants_identity = state_.lock()->wants_identity;
  Request request = with_identity ? token_post(*realm, service, texts, *credential)
                                  : token_get(*realm, service, texts, credential);
  if (wants_identity && !with_identity) {
    request.url.add_query("client_id", kClientId);
    request.url.add_query("offline_token", "true");
  }
  Response response = sender_->send(request, stop);
  if (with_identity && (response.status == 404 || response.status == 405)) {
    request = token_get(*realm, service, texts, credential);
    response = sender_->send(request, stop);
  }
  std::string what = base::cat("answer of the token server ", request.url.display());
  std::string body = base::read_all(*response.body, kTokenBytesMax, what);
  if (response.status != 200) {
    fail_token(request, response.status, body, credential.has_value());
  }
  nlohmann::json answer = base::parse_json(body, what);
  std::string token = base::json_text(answer, "token", what);
  if (token.empty()) {
    token = base::json_text(answer, "access_token", what);
  }
  if (!is_header_safe(token)) {
    base::fail(base::ErrorKind::kNetwork, base::cat(what, " has no usable token"));
  }
  if (wants_identity) {
    state_.lock()->identity_token = Secret(base::json_text(answer, "refresh_token", what));
  }
  std::int64_t life_s = base::json_integer(answer, "expires_in", kTokenLifeMin_s, what);
  life_s = std::clamp<std::int64_t>(life_s, kTokenLifeMin_s, 365 * 86400);
  // Counted from now, not from the server's issued_at: clocks differ.
  base::Timestamp expires = sender_->clock().now();
  expires.seconds += life_s;
  return {.header = Secret(base::cat("Bearer ", token)), .expires = expires};
}

}  // namespace slipway::registry
