#include "registry/registry_host.h"

#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"
#include "registry/http/error_body.h"
#include "registry/http/redirect.h"

namespace slipway::registry {

namespace {

// The distribution specification of old: at most three are shown.
constexpr std::size_t kWarningsMax = 3;

base::ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return base::ErrorKind::kDenied;
    case 404:
      return base::ErrorKind::kNotFound;
    default:
      return base::ErrorKind::kNetwork;
  }
}

std::string hint_of(int status, const std::string& domain) {
  switch (status) {
    case 401:
    case 403:
      return base::cat("check the name, and the credentials for ", domain,
                       " (log in again if they may be old)");
    case 429:
      return base::cat("wait, or log in to ", domain, ": limits are higher for known users");
    default:
      return "";
  }
}

// Warning: 299 - "text" (RFC 7234 section 5.5).
std::optional<std::string> warning_text(std::string_view header) {
  std::size_t open = header.find('"');
  std::size_t close = header.rfind('"');
  if (!header.starts_with("299 ") || open == std::string_view::npos || close <= open) {
    return std::nullopt;
  }
  return std::string(header.substr(open + 1, close - open - 1));
}

}  // namespace

std::string read_short_body(Response& response, std::size_t limit_bytes) {
  std::string body(limit_bytes, '\0');
  body.resize(base::read_full(*response.body, body));
  return body;
}

RegistryHost::RegistryHost(Sender& sender, CredentialSource& credentials, Settings settings)
    : sender_(&sender),
      settings_(std::move(settings)),
      downloads_(settings_.transfers_max),
      uploads_(settings_.transfers_max),
      authorizer_(sender, credentials, settings_.domain) {}

std::string RegistryHost::name() const {
  std::string host = settings_.base.authority();
  return host == settings_.domain ? host : base::cat(settings_.domain, " (", host, ")");
}

// DIFFERS: Docker takes any failure of https as a reason to try http where that is allowed; here it
// must be the answer of something that does not speak TLS, or no answer on the port.
bool RegistryHost::speaks_tls(std::stop_token stop) {
  Request request{.url = settings_.base};
  request.url.target += "v2/";
  auto answered = attempt([&] {
    Response response = sender_->send(request, stop);
    read_short_body(response);
  });
  if (answered) {
    return true;
  }
  std::optional<TransportError::Reason> reason = answered.error().transport;
  if (reason == TransportError::Reason::kNotTls || reason == TransportError::Reason::kRefused) {
    return false;
  }
  answered.error().rethrow();
}

Url RegistryHost::url(std::string_view path, std::stop_token stop) {
  std::optional<Url> base = *found_base_.lock();
  if (!base) {
    base = settings_.base;
    if (settings_.may_be_plain && base->tls && !speaks_tls(stop)) {
      base->tls = false;
      if (base->port == 443) {
        base->port = 80;
      }
    }
    *found_base_.lock() = base;
  }
  base->target += path;
  return *base;
}

Url RegistryHost::location(const Request& request, const Response& response) const {
  std::string_view text = response.headers.find("Location").value_or("");
  std::optional<Url> url = text.empty() ? std::nullopt : request.url.resolve(text);
  if (!url) {
    base::fail(base::ErrorKind::kNetwork,
               base::cat(name(), " answered ", request.method, " ", request.url.display(),
                         " without a usable Location: ", base::quote(text.substr(0, 200))));
  }
  if (request.url.tls && !url->tls) {
    if (url->host != request.url.host) {
      base::fail(base::ErrorKind::kNetwork,
                 base::cat(name(), " wants to go on without TLS at ", url->display()));
    }
    url->tls = true;
    url->port = request.url.port;
  }
  return *std::move(url);
}

void RegistryHost::report_warnings(const Response& response) {
  std::size_t count = 0;
  for (std::string_view header : response.headers.find_all("Warning")) {
    std::optional<std::string> text = warning_text(header);
    if (text && settings_.observer && count++ < kWarningsMax) {
      settings_.observer(
          {.kind = TransferEvent::Kind::kWarning, .text = base::cat(name(), ": ", *text)});
    }
  }
}

Response RegistryHost::send_once(Request& request, const std::set<Scope>& scopes, Retries retries,
                                 std::optional<Secret>& sent, std::stop_token stop) {
  bool is_ours = request.url.same_origin(url("", stop));
  sent = is_ours ? authorizer_.header(scopes) : std::nullopt;
  request.headers.remove("Authorization");
  if (sent) {
    request.headers.set("Authorization", sent->reveal());
  }
  return retries == Retries::kYes ? sender_->send(request, stop)
                                  : sender_->send_once(request, stop);
}

bool RegistryHost::answer_challenge(const Request& request, Response& response,
                                    const std::set<Scope>& scopes,
                                    const std::optional<Secret>& sent, std::stop_token stop) {
  // A 401 of a storage service behind a redirect is not the registry's.
  if (response.status != 401 || !request.url.same_origin(url("", stop))) {
    return false;
  }
  std::string body = read_short_body(response);
  response.body = std::make_unique<base::StringSource>(std::move(body));
  return authorizer_.answer(
      {.challenges = challenges_of(response.headers), .sent = sent, .insecure = !request.url.tls},
      scopes, stop);
}

Response RegistryHost::send(Request& request, const std::set<Scope>& scopes, Retries retries,
                            std::stop_token stop) {
  const Request original = request;
  std::optional<Secret> sent;
  Response response = send_once(request, scopes, retries, sent, stop);
  if (answer_challenge(request, response, scopes, sent, stop)) {
    request = original;
    response = send_once(request, scopes, retries, sent, stop);
  }
  report_warnings(response);
  return response;
}

void RegistryHost::fail(Response& response, std::string_view what) const {
  std::string words = registry_words(read_short_body(response));
  std::string message = base::cat(what, ": ", name(), " answered ", response.status,
                                  words.empty() ? "" : ": ", words);
  base::fail(kind_of(response.status), std::move(message),
             hint_of(response.status, settings_.domain));
}

}  // namespace slipway::registry
