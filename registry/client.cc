#include "registry/client.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/blob_download.h"
#include "registry/blob_upload.h"
#include "registry/http/attempt.h"
#include "registry/registry_host.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;
using Retries = RegistryHost::Retries;

constexpr std::string_view kHubDomain = "docker.io";
constexpr std::string_view kHubHost = "registry-1.docker.io";
// An index in an index is rare, three levels are nobody's; also the end of a circle.
constexpr int kIndexDepthMax = 3;
constexpr std::size_t kTagsMax = 1'000'000;
constexpr std::size_t kTagPageBytesMax = 16 * 1024 * 1024;

std::set<Scope> pull_scope(const Repository& repository) {
  return {repository_scope(repository.path, {"pull"})};
}

std::string tag_or_digest(const Reference& reference) {
  if (reference.digest()) {
    return reference.digest()->text();
  }
  return reference.tag().value_or("latest");
}

// The registry's claim, where it makes one that can be compared.
std::optional<base::Digest> claimed_digest(const Response& response) {
  auto digest =
      base::Digest::parse(base::trim(response.headers.find("Docker-Content-Digest").value_or("")));
  return digest && digest->algorithm() == "sha256" ? std::optional(*std::move(digest))
                                                   : std::nullopt;
}

void check_digest(const base::Digest& got, const base::Digest& expected, std::string_view what) {
  if (got != expected) {
    fail(ErrorKind::kIntegrity,
         cat(what, ": expected digest ", expected.text(), ", got ", got.text()));
  }
}

[[noreturn]] void fail_platform(const Index& index, const Platform& platform,
                                std::string_view what) {
  std::set<std::string> offered;
  for (const Descriptor& entry : index.manifests) {
    if (!is_attestation(entry) && entry.platform) {
      offered.insert(normalise(*entry.platform).text());
    }
  }
  std::vector<std::string> names(offered.begin(), offered.end());
  fail(ErrorKind::kNotFound,
       cat(what, " has no image for ", platform.text(),
           names.empty() ? "" : cat("; there are ", base::join(names, ", "))));
}

// The target of Link: </v2/…>; rel="next".
std::optional<std::string> next_page(const Response& response) {
  std::string_view link = response.headers.find("Link").value_or("");
  std::size_t open = link.find('<');
  std::size_t close = link.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
      !link.substr(close).contains("next")) {
    return std::nullopt;
  }
  return std::string(link.substr(open + 1, close - open - 1));
}

}  // namespace

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

struct Client::State {
  ClientServices services;
  ClientOptions options;
  Sender sender;
  base::Guarded<std::map<std::string, std::shared_ptr<RegistryHost>>> hosts;

  State(ClientServices given, ClientOptions wanted)
      : services(given),
        options(std::move(wanted)),
        sender(*services.transport, *services.clock, *services.pause, options.retry,
               [this](const RetryNotice& notice) { report(notice); }) {}

  void report(const RetryNotice& notice) const {
    if (options.observer) {
      options.observer(
          {.kind = TransferEvent::Kind::kRetrying, .text = notice.why, .wait_ms = notice.wait_ms});
    }
  }

  bool may_be_plain(const Url& url) const {
    return is_loopback(url.host) ||
           std::any_of(options.insecure_registries.begin(), options.insecure_registries.end(),
                       [&](const std::string& pattern) {
                         return host_matches(url.host, url.port, pattern);
                       });
  }

  std::shared_ptr<RegistryHost> host_at(const std::string& key, const std::string& domain,
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
      bool plain = may_be_plain(*base);
      host = std::make_shared<RegistryHost>(sender, *services.credentials,
                                            RegistryHost::Settings{.domain = domain,
                                                                   .base = *std::move(base),
                                                                   .may_be_plain = plain,
                                                                   .observer = options.observer});
    }
    return host;
  }

  std::shared_ptr<RegistryHost> host(std::string_view domain) {
    std::string name(domain == kHubHost ? kHubDomain : domain);
    return host_at(name, name, cat("https://", api_host(name)));
  }

  // Where the repository can be read, mirrors first.
  std::vector<std::shared_ptr<RegistryHost>> read_hosts(const Repository& repository) {
    std::vector<std::shared_ptr<RegistryHost>> list;
    if (api_host(repository.domain) == kHubHost) {
      for (const std::string& mirror : options.hub_mirrors) {
        std::optional<Url> url = Url::parse(mirror);
        list.push_back(host_at(mirror, url ? url->authority() : mirror, mirror));
      }
    }
    list.push_back(host(repository.domain));
    return list;
  }

  // The first answer of 200, else what the last host says; a mirror's failures fall through.
  Response read(const Repository& repository, std::string_view method, const std::string& path,
                std::shared_ptr<RegistryHost>& answered, std::stop_token stop) {
    auto ask = [&](const std::shared_ptr<RegistryHost>& host) {
      answered = host;
      Request request{.method = std::string(method), .url = host->url(path, stop)};
      request.headers.set("Accept", std::string(media_types::kAcceptManifests));
      return host->send(request, pull_scope(repository), Retries::kYes, stop);
    };
    std::vector<std::shared_ptr<RegistryHost>> list = read_hosts(repository);
    for (std::size_t i = 0; i + 1 < list.size(); ++i) {
      auto response = attempt([&] { return ask(list[i]); });
      if (response && response->status == 200) {
        return *std::move(response);
      }
    }
    return ask(list.back());
  }

  Document document(const Repository& repository, const std::string& wanted, std::string_view what,
                    std::stop_token stop) {
    std::shared_ptr<RegistryHost> answered;
    Response response =
        read(repository, "GET", cat("v2/", repository.path, "/manifests/", wanted), answered, stop);
    if (response.status != 200) {
      answered->fail(response, what);
    }
    std::string bytes = base::read_all(*response.body, kManifestBytesMax, what);
    base::Digest digest = base::sha256_of(bytes);
    if (auto expected = base::Digest::parse(wanted)) {
      if (expected->algorithm() != "sha256") {
        fail(ErrorKind::kInput, cat(what, ": digests of ", expected->algorithm(),
                                    " can't be verified here, only sha256"));
      }
      check_digest(digest, *expected, what);
    } else if (auto claimed = claimed_digest(response)) {
      check_digest(digest, *claimed, what);
    }
    std::string media_type = document_media_type(bytes, response.content_type(), what);
    return {.descriptor = {.media_type = std::move(media_type),
                           .digest = std::move(digest),
                           .size = static_cast<std::int64_t>(bytes.size())},
            .bytes = std::move(bytes)};
  }
};

Client::Client(ClientServices services, ClientOptions options)
    : state_(std::make_unique<State>(services, std::move(options))) {}

Client::~Client() = default;

Document Client::get_manifest(const Reference& reference, std::stop_token stop) {
  return state_->document(repository_of(reference), tag_or_digest(reference), reference.familiar(),
                          std::move(stop));
}

Document Client::get_manifest(const Repository& repository, const Descriptor& descriptor,
                              std::stop_token stop) {
  std::string what = cat("manifest ", descriptor.digest.text(), " of ", repository.text());
  Document document = state_->document(repository, descriptor.digest.text(), what, std::move(stop));
  if (document.descriptor.size != descriptor.size) {
    fail(ErrorKind::kIntegrity,
         cat(what, ": expected ", descriptor.size, " bytes, got ", document.descriptor.size));
  }
  return document;
}

std::optional<Descriptor> Client::find_manifest(const Reference& reference, std::stop_token stop) {
  Repository repository = repository_of(reference);
  std::shared_ptr<RegistryHost> answered;
  Response response = state_->read(
      repository, "HEAD", cat("v2/", repository.path, "/manifests/", tag_or_digest(reference)),
      answered, stop);
  if (response.status == 404) {
    return std::nullopt;
  }
  std::optional<base::Digest> digest = claimed_digest(response);
  std::optional<std::uint64_t> size = response.content_length();
  if (response.status == 200 && digest && size) {
    return Descriptor{.media_type = response.content_type(),
                      .digest = *std::move(digest),
                      .size = static_cast<std::int64_t>(*size)};
  }
  // Old and static registries: only the bytes tell. And an error's words come with GET only.
  return get_manifest(reference, std::move(stop)).descriptor;
}

Resolved Client::resolve(const Reference& reference, const Platform& platform,
                         std::stop_token stop) {
  std::string what = reference.familiar();
  Document root = get_manifest(reference, stop);
  Repository repository = repository_of(reference);
  std::optional<Platform> chosen_platform;
  Document chosen = root;
  for (int depth = 0; is_index(chosen.descriptor.media_type); ++depth) {
    if (depth == kIndexDepthMax) {
      fail(ErrorKind::kInput, cat(what, ": indexes within indexes, more than ", kIndexDepthMax));
    }
    Index index = parse_index(chosen.bytes, chosen.descriptor.media_type, what);
    const Descriptor* entry = find_platform(index, platform);
    if (entry == nullptr) {
      fail_platform(index, platform, what);
    }
    chosen_platform = entry->platform;
    chosen = get_manifest(repository, *entry, stop);
  }
  Manifest manifest = parse_manifest(chosen.bytes, chosen.descriptor.media_type, what);
  if (!is_image_config(manifest.config.media_type)) {
    fail(ErrorKind::kInput, cat(what, " is no image: its config is of type ",
                                base::quote(manifest.config.media_type)));
  }
  return {.repository = std::move(repository),
          .root = std::move(root),
          .manifest_document = std::move(chosen),
          .manifest = std::move(manifest),
          .platform = std::move(chosen_platform)};
}

std::string Client::fetch_config(const Resolved& image, std::stop_token stop) {
  const Descriptor& descriptor = image.manifest.config;
  std::string what = cat("config of ", image.repository.text());
  if (descriptor.size > static_cast<std::int64_t>(kConfigBytesMax)) {
    fail(ErrorKind::kInput,
         cat(what, " has ", descriptor.size, " bytes, more than ", kConfigBytesMax));
  }
  std::unique_ptr<base::Source> source = open_blob(image.repository, descriptor, std::move(stop));
  return base::read_all(*source, kConfigBytesMax, what);
}

std::unique_ptr<base::Source> Client::open_blob(const Repository& repository,
                                                const Descriptor& descriptor,
                                                std::stop_token stop) {
  return std::make_unique<base::VerifyingSource>(
      download_blob(state_->read_hosts(repository), state_->sender, repository, descriptor,
                    std::move(stop)),
      descriptor.digest, descriptor.size,
      cat("blob ", descriptor.digest.text(), " of ", repository.text()));
}

bool Client::has_blob(const Repository& repository, const Descriptor& descriptor,
                      std::stop_token stop) {
  std::shared_ptr<RegistryHost> host = state_->host(repository.domain);
  Request request{
      .method = "HEAD",
      .url = host->url(cat("v2/", repository.path, "/blobs/", descriptor.digest.text()), stop)};
  Response response = host->send(request, pull_scope(repository), Retries::kYes, stop);
  if (response.status != 200 && response.status != 404) {
    host->fail(response,
               cat("looking for blob ", descriptor.digest.text(), " in ", repository.text()));
  }
  return response.status == 200;
}

Client::UploadResult Client::push_blob(const Repository& repository, const Upload& upload,
                                       std::stop_token stop) {
  return upload_blob(*state_->host(repository.domain), state_->sender, repository, upload,
                     std::move(stop));
}

base::Digest Client::put_manifest(const Reference& reference, std::string_view bytes,
                                  std::string_view media_type, std::stop_token stop) {
  Repository repository = repository_of(reference);
  base::Digest digest = base::sha256_of(bytes);
  std::string what = cat("pushing ", reference.familiar());
  std::string name = reference.tag() ? *reference.tag() : tag_or_digest(reference);
  if (!reference.tag() && reference.digest()) {
    check_digest(digest, *reference.digest(), what);
  }
  std::shared_ptr<RegistryHost> host = state_->host(repository.domain);
  Request request{.method = "PUT",
                  .url = host->url(cat("v2/", repository.path, "/manifests/", name), stop),
                  .body = body_of_text(std::string(bytes))};
  request.headers.set("Content-Type", std::string(media_type));
  std::set<Scope> scopes = {repository_scope(repository.path, {"pull", "push"})};
  Response response = host->send(request, scopes, Retries::kYes, stop);
  if (response.status < 200 || response.status > 299) {
    host->fail(response, what);
  }
  read_short_body(response);
  if (auto claimed = claimed_digest(response)) {
    check_digest(*claimed, digest, cat(what, ", as the registry stored it"));
  }
  return digest;
}

std::vector<std::string> Client::tags(const Repository& repository, std::stop_token stop) {
  std::shared_ptr<RegistryHost> host = state_->host(repository.domain);
  std::string what = cat("tags of ", repository.text());
  std::vector<std::string> all;
  std::set<std::string> seen_pages;
  std::optional<Url> page = host->url(cat("v2/", repository.path, "/tags/list?n=1000"), stop);
  while (page && seen_pages.insert(page->text()).second) {
    Request request{.url = *page};
    Response response = host->send(request, pull_scope(repository), Retries::kYes, stop);
    if (response.status != 200) {
      host->fail(response, what);
    }
    nlohmann::json document =
        base::parse_json(base::read_all(*response.body, kTagPageBytesMax, what), what);
    auto list = document.is_object() ? document.find("tags") : document.end();
    if (list != document.end() && list->is_array()) {
      for (const nlohmann::json& tag : *list) {
        if (tag.is_string()) {
          all.push_back(tag.get<std::string>());
        }
      }
    }
    if (all.size() > kTagsMax) {
      fail(ErrorKind::kInput, cat(what, ": more than ", kTagsMax));
    }
    std::optional<std::string> next = next_page(response);
    page = next ? request.url.resolve(*next) : std::nullopt;
  }
  return all;
}

void Client::check_push(const Repository& repository, std::stop_token stop) {
  try_upload(*state_->host(repository.domain), repository, std::move(stop));
}

void Client::check_login(std::string_view domain, std::stop_token stop) {
  std::shared_ptr<RegistryHost> host = state_->host(domain);
  Request request{.url = host->url("v2/", stop)};
  Response response = host->send(request, {}, Retries::kYes, stop);
  if (response.status != 200) {
    host->fail(response, cat("asking ", domain, " whether it takes the credentials"));
  }
  read_short_body(response);
}

}  // namespace slipway::registry
