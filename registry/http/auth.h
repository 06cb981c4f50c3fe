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
#include "registry/http/transport.h"

namespace slipway::registry {

// Answers the challenges of one registry. How it goes: the first request carries nothing; a 401
// names Basic or a token server (Bearer); what was got is kept for each set of scopes and sent with
// each further request until it expires or is refused. Safe from several threads.
class Authorizer {
 public:
  // `domain` is the name credentials are looked up by. All are owned by the caller and outlive
  // this.
  Authorizer(Transport& transport, CredentialSource& credentials, const base::Clock& clock,
             std::string domain)
      : transport_(&transport),
        credentials_(&credentials),
        clock_(&clock),
        domain_(std::move(domain)) {}

  // The Authorization header to send, or nothing if none is known (yet).
  std::optional<Secret> header(const std::set<Scope>& scopes);

  // After a 401 to a request that carried `sent`: gets something better to send. False if there is
  // nothing else to try: the 401 stands. `insecure` says that the registry was reached over plain
  // http, where a token server may be plain, too. Throws kDenied with the token server's words if
  // it refuses, kNetwork if it can't be reached.
  bool answer(const std::vector<Challenge>& challenges, const std::set<Scope>& scopes,
              const std::optional<Secret>& sent, bool insecure, std::stop_token stop);

 private:
  struct Token {
    Secret header;
    base::Timestamp expires;
    bool from_credentials = false;
  };
  struct State {
    std::optional<Secret> basic;
    std::map<std::set<Scope>, Token> tokens;
  };
  std::optional<Credential> credential(const std::set<Scope>& scopes, std::stop_token stop);
  Token fetch_token(const Challenge& challenge, const std::set<Scope>& scopes, bool insecure,
                    std::stop_token stop);

  Transport* transport_;
  CredentialSource* credentials_;
  const base::Clock* clock_;
  std::string domain_;
  base::Guarded<State> state_;
};

}  // namespace slipway::registry
