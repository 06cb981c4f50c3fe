#include "registry/client_state.h"

#include "base/digester.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"

namespace slipway::registry {

using base::cat;
using base::ErrorKind;
using base::fail;
using Retries = RegistryHost::Retries;

namespace {

constexpr std::string_view kHubDomain = "docker.io";
constexpr std::string_view kHubHost = "registry-1.docker.io";

std::string name_of(const Repository& repository) {
  return cat(repository.domain == kHubHost ? kHubDomain : std::string_view(repository.domain), "/",
             repository.path);
}

}  // namespace

std::set<Scope> pull_scope(std::string_view path) {
  return {repository_scope(std::string(path), {"pull"})};
}

std::string tag_or_digest(const Reference& reference) {
  if (reference.digest()) {
    return reference.digest()->text();
  }
  return reference.tag().value_or("latest");
}

std::optional<base::Digest> claimed_digest(const Response& response) {
  auto digest =
      base::Digest::parse(base::trim(response.headers.find("Docker-Content-Digest").value_or("")));
  return digest ? std::optional(*std::move(digest)) : std::nullopt;
}

void check_digest(const base::Digest& got, const base::Digest& expected, std::string_view what) {
  if (got != expected) {
    fail(ErrorKind::kIntegrity,
         cat(what, ": expected digest ", expected.text(), ", got ", got.text()));
  }
}

Repository repository_of(const Reference& reference) {
  if (reference.domain().empty()) {
    fail(ErrorKind::kInput,
         cat(base::quote(reference.familiar()), " names no registry: ",
             reference.path().substr(0, reference.path().find('/')), " is no host name"));
  }
  return {.domain = reference.domain(), .path = reference.path()};
}

std::string api_host(std::string_view domain) {
  return std::string(domain == kHubDomain ? kHubHost : domain);
}

Client::State::State(ClientServices given, ClientOptions wanted)
    : services(given),
      options(std::move(wanted)),
      sender(*services.transport, *services.clock, *services.pause, options.retry,
             [this](const RetryNotice& notice) { report(notice); }) {}

void Client::State::report(const RetryNotice& notice) const {
  if (options.observer) {
    options.observer(
        {.kind = TransferEvent::Kind::kRetrying, .text = notice.why, .wait_ms = notice.wait_ms});
  }
}

std::shared_ptr<RegistryHost> Client::State::host_at(const std::string& key,
                                                     const std::string& domain,
                                                     const std::string& base_text) {
  auto held = hosts.lock();
  std::shared_ptr<RegistryHost>& host = (*held)[key];
  if (!host) {
    std::optional<Url> base = Url::parse(base_text);
    if (!base) {
      fail(ErrorKind::kInput, cat(base::quote(domain), " can't be a registry's address"));
    }
    if (!base->target.ends_with('/')) {
      base->target += '/';
    }
    bool plain = may_be_insecure(*base, options.insecure_registries, options.tls_verify);
    host = std::make_shared<RegistryHost>(
        sender, *services.credentials,
        RegistryHost::Settings{.domain = domain,
                               .base = *std::move(base),
                               .may_be_plain = plain,
                               .observer = options.observer,
                               .transfers_max = options.transfers_max});
  }
  return host;
}

std::shared_ptr<RegistryHost> Client::State::host(std::string_view domain) {
  std::string name(domain == kHubHost ? kHubDomain : domain);
  return host_at(name, name, cat("https://", api_host(name)));
}

Place Client::State::place_of(const std::string& name) {
  std::size_t slash = name.find('/');
  if (slash == std::string::npos) {
    fail(ErrorKind::kInput, cat(base::quote(name), " is a registry, but no repository in it"));
  }
  return {.host = host(std::string_view(name).substr(0, slash)), .path = name.substr(slash + 1)};
}

const RegistryRule* Client::State::rule_of(const Repository& repository) const {
  const RegistryRule* rule = find_rule(options.settings, name_of(repository));
  if (rule != nullptr && rule->blocked) {
    fail(ErrorKind::kDenied, cat(repository.text(), ": the registry ", rule->prefix, " is blocked"),
         "registries.conf says so");
  }
  return rule;
}

Place Client::State::home(const Repository& repository) {
  const RegistryRule* rule = rule_of(repository);
  std::string name = name_of(repository);
  return place_of(rule == nullptr ? name : relocated(*rule, rule->location, name));
}

std::vector<Place> Client::State::read_places(const Repository& repository, ReadBy by) {
  std::vector<Place> places;
  if (const RegistryRule* rule = rule_of(repository)) {
    for (const RegistryMirror& mirror : rule->mirrors) {
      auto other = by == ReadBy::kDigest ? RegistryMirror::Pulls::kTagOnly
                                         : RegistryMirror::Pulls::kDigestOnly;
      if (mirror.pulls != other) {
        places.push_back(place_of(relocated(*rule, mirror.location, name_of(repository))));
      }
    }
  }
  if (api_host(repository.domain) == kHubHost) {
    for (const std::string& mirror : options.settings.hub_mirrors) {
      std::optional<Url> url = Url::parse(mirror);
      places.push_back({host_at(mirror, url ? url->authority() : mirror, mirror), repository.path});
    }
  }
  places.push_back(home(repository));
  return places;
}

Response Client::State::read_manifest(const Repository& repository, std::string_view method,
                                      const std::string& wanted, Place& answered,
                                      std::stop_token stop) {
  auto ask = [&](const Place& place) {
    answered = place;
    Request request{.method = std::string(method),
                    .url = place.host->url(cat("v2/", place.path, "/manifests/", wanted), stop)};
    request.headers.set("Accept", std::string(media_types::kAcceptManifests));
    return place.host->send(request, pull_scope(place.path), Retries::kYes, stop);
  };
  ReadBy by = base::Digest::parse(wanted) ? ReadBy::kDigest : ReadBy::kTag;
  std::vector<Place> places = read_places(repository, by);
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    auto response = attempt([&] { return ask(places[i]); });
    if (response && response->status == 200) {
      return *std::move(response);
    }
  }
  return ask(places.back());
}

Document Client::State::document(const Repository& repository, const std::string& wanted,
                                 std::string_view what, std::stop_token stop) {
  Place answered;
  Response response = read_manifest(repository, "GET", wanted, answered, std::move(stop));
  if (response.status != 200) {
    answered.host->fail(response, what);
  }
  std::string bytes = base::read_all(*response.body, kManifestBytesMax, what);
  base::Digest digest = base::sha256_of(bytes);
  if (auto expected = base::Digest::parse(wanted)) {
    digest = base::digest_like(*expected, bytes);
    check_digest(digest, *expected, what);
  } else if (auto claimed = claimed_digest(response)) {
    check_digest(base::digest_like(*claimed, bytes), *claimed, what);
  }
  std::string media_type = document_media_type(bytes, response.content_type(), what);
  return {.descriptor = {.media_type = std::move(media_type),
                         .digest = std::move(digest),
                         .size = static_cast<std::int64_t>(bytes.size())},
          .bytes = std::move(bytes)};
}

}  // namespace slipway::registry
