#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "registry/events.h"
#include "registry/http/auth.h"
#include "registry/http/challenge.h"
#include "registry/http/credentials.h"
#include "registry/http/retry.h"
#include "registry/transfer_slots.h"

namespace slipway::registry {

// One registry as the Client's calls see it: requests are authorised, follow redirects and are
// tried again; whether it speaks TLS is found out once. Safe from many threads.
class RegistryHost {
 public:
  struct Settings {
    std::string domain;  // as references name it
    Url base;            // "https://host:port/", perhaps with a path (mirrors)
    // Plain http will do if https does not answer.
    bool may_be_plain = false;
    TransferObserver observer;
    unsigned transfers_max = 6;  // blobs at once in each direction
  };
  // Both are owned by the Client.
  RegistryHost(Sender& sender, CredentialSource& credentials, Settings settings);

  // How many blobs may go each way at once.
  TransferSlots& downloads() { return downloads_; }
  TransferSlots& uploads() { return uploads_; }

  const std::string& domain() const { return settings_.domain; }
  // What messages call it: "docker.io (registry-1.docker.io)", "localhost:5000".
  std::string name() const;
  Authorizer& authorizer() { return authorizer_; }
  // The first request to a host that may be plain finds out what it speaks.
  Url url(std::string_view path, std::stop_token stop);
  // A Location of an answer to `request`. A registry behind a proxy that ends TLS often names http
  // there: we stay with what worked.
  Url location(const Request& request, const Response& response) const;

  enum class Retries {
    kYes,
    kNo,  // sent twice, the request would mean something else
  };
  // The answer whatever its status; `request` becomes the one that was answered. Credentials go to
  // this registry only, and a 401 is answered once.
  Response send(Request& request, const std::set<Scope>& scopes, Retries retries,
                std::stop_token stop);

  // Throws what an answer means that the caller has no use for: "<what>: <name> answered 404:
  // MANIFEST_UNKNOWN: manifest unknown".
  [[noreturn]] void fail(Response& response, std::string_view what) const;

 private:
  Response send_once(Request& request, const std::set<Scope>& scopes, Retries retries,
                     std::optional<Secret>& sent, std::stop_token stop);
  bool answer_challenge(const Request& request, Response& response, const std::set<Scope>& scopes,
                        const std::optional<Secret>& sent, std::stop_token stop);
  void report_warnings(const Response& response);
  bool speaks_tls(std::stop_token stop);

  Sender* sender_;
  Settings settings_;
  TransferSlots downloads_;
  TransferSlots uploads_;
  Authorizer authorizer_;
  base::Guarded<std::optional<Url>> found_base_;
};

// Reads a small answer to its end, so that its connection can be used again; what is longer than
// `limit_bytes` is cut off.
std::string read_short_body(Response& response, std::size_t limit_bytes = 64 * 1024);

}  // namespace slipway::registry
