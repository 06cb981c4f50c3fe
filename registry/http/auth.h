#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "registry/http/challenge.h"
#include "registry/http/credentials.h"
#include "registry/http/retry.h"

namespace slipway::registry {

// "Basic" and what it takes, as the value of Authorization.
Secret basic_header(const Credential& credential);

// Answers the challenges of one registry. How it goes: the first request carries nothing; a 401
// names Basic or a token server (Bearer); what was got is kept for each set of scopes and sent with
// each further request until it expires or is refused. Safe from several threads.
class Authorizer {
 public:
  // `domain` is the name credentials are looked up by. `sender` and `credentials` are owned by the
  // caller and outlive this.
  Authorizer(Sender& sender, CredentialSource& credentials, std::string domain)
      : sender_(&sender), credentials_(&credentials), domain_(std::move(domain)) {}

  // The Authorization header to send, or nothing if none is known (yet).
  std::optional<Secret> header(const std::set<Scope>& scopes);

  struct Refusal {
    std::vector<Challenge> challenges;
    std::optional<Secret> sent;  // the header that was refused
    // The registry is reached over plain http: then its token server may be plain, too.
    bool insecure = false;
  };
  // After a 401: gets something better to send, to be had from header(). False if there is nothing
  // else to try: the 401 stands. Throws kDenied with the token server's words if that refuses, and
  // kNetwork if it can't be reached.
  bool answer(const Refusal& refusal, const std::set<Scope>& scopes, std::stop_token stop);

  // From here on token servers are asked for an identity token, too, which stands for the password
  // from then on; the last one that came. For logging in.
  void want_identity_token() { state_.lock()->wants_identity = true; }
  Secret identity_token() const { return state_.lock()->identity_token; }

 private:
  struct Token {
    Secret header;
    base::Timestamp expires;
  };
  struct State {
    std::optional<Secret> basic;
    std::map<std::set<Scope>, Token> tokens;
    std::map<std::string, std::optional<Credential>> credentials;  // by repository
    bool wants_identity = false;
    Secret identity_token;
  };
  std::optional<Credential> credential(const std::set<Scope>& scopes, std::stop_token stop);
  bool take_basic(const std::optional<Credential>& credential, const Refusal& refusal);
  Token fetch_token(const Challenge& challenge, const std::optional<Credential>& credential,
                    const std::set<Scope>& scopes, bool insecure, std::stop_token stop);

  Sender* sender_;
  CredentialSource* credentials_;
  std::string domain_;
  mutable base::Guarded<State> state_;
};

}  // namespace slipway::registry
