#include <nlohmann/json.hpp>

#include "base/digester.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/blob_stream.h"
#include "registry/blob_upload.h"
#include "registry/client.h"
#include "registry/client_state.h"
#include "registry/pages.h"
#include "registry/referrers.h"

// Everything of Client that is not reading images: what changes a registry, and lists.

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;
using Retries = RegistryHost::Retries;

constexpr std::size_t kListedMax = 1'000'000;

void take_texts(const nlohmann::json& document, const char* member, std::string_view what,
                std::vector<std::string>& all) {
  auto list = document.is_object() ? document.find(member) : document.end();
  if (list == document.end() || !list->is_array()) {
    return;
  }
  for (const nlohmann::json& item : *list) {
    if (item.is_string()) {
      all.push_back(item.get<std::string>());
    }
  }
  if (all.size() > kListedMax) {
    fail(ErrorKind::kInput, cat(what, ": more than ", kListedMax));
  }
}

void remove(const Place& place, const std::string& path, std::string_view what,
            const std::stop_token& stop) {
  std::set<Scope> scopes = {repository_scope(place.path, {"delete", "pull"})};
  Request request{.method = "DELETE",
                  .url = place.host->url(cat("v2/", place.path, "/", path), stop)};
  Response response = place.host->send(request, scopes, Retries::kYes, stop);
  if (response.status == 405) {
    read_short_body(response);
    fail(ErrorKind::kDenied, cat(what, ": ", place.host->name(), " does not delete anything"),
         "its administrator can allow it");
  }
  if (response.status < 200 || response.status > 299) {
    place.host->fail(response, what);
  }
  read_short_body(response);
}

}  // namespace

bool Client::has_blob(const Repository& repository, const Descriptor& descriptor,
                      std::stop_token stop) {
  Place place = state_->home(repository);
  Request request{
      .method = "HEAD",
      .url = place.host->url(cat("v2/", place.path, "/blobs/", descriptor.digest.text()), stop)};
  Response response = place.host->send(request, pull_scope(place.path), Retries::kYes, stop);
  if (response.status != 200 && response.status != 404) {
    place.host->fail(response,
                     cat("looking for blob ", descriptor.digest.text(), " in ", repository.text()));
  }
  return response.status == 200;
}

Client::UploadResult Client::push_blob(const Repository& repository, const Upload& upload,
                                       std::stop_token stop) {
  Place place = state_->home(repository);
  return upload_blob(*place.host, state_->sender, {place.host->domain(), place.path}, upload,
                     std::move(stop));
}

Client::StreamResult Client::stream_blob(const Repository& repository, const Stream& stream,
                                         std::stop_token stop) {
  Place place = state_->home(repository);
  return stream_to(*place.host, {place.host->domain(), place.path}, stream, std::move(stop));
}

base::Digest Client::put_manifest(const Reference& reference, std::string_view bytes,
                                  std::string_view media_type, std::stop_token stop) {
  Repository repository = repository_of(reference);
  bool by_digest = !reference.tag() && reference.digest();
  base::Digest digest =
      by_digest ? base::digest_like(*reference.digest(), bytes) : base::sha256_of(bytes);
  std::string what = cat("pushing ", reference.familiar());
  std::string name = reference.tag() ? *reference.tag() : tag_or_digest(reference);
  if (by_digest) {
    check_digest(digest, *reference.digest(), what);
  }
  Place place = state_->home(repository);
  RegistryHost* host = place.host.get();
  Request request{.method = "PUT",
                  .url = host->url(cat("v2/", place.path, "/manifests/", name), stop),
                  .body = body_of_text(std::string(bytes))};
  request.headers.set("Content-Type", std::string(media_type));
  std::set<Scope> scopes = {repository_scope(place.path, {"pull", "push"})};
  Response response = host->send(request, scopes, Retries::kYes, stop);
  if (response.status < 200 || response.status > 299) {
    host->fail(response, what);
  }
  read_short_body(response);
  if (auto claimed = claimed_digest(response)) {
    check_digest(*claimed, base::digest_like(*claimed, bytes),
                 cat(what, ", as the registry stored it"));
  }
  if (!response.headers.find("OCI-Subject")) {
    note_referrer(*this, repository, {.digest = digest, .bytes = bytes, .media_type = media_type},
                  stop);
  }
  return digest;
}

std::vector<std::string> Client::tags(const Repository& repository, std::stop_token stop) {
  Place place = state_->home(repository);
  std::string what = cat("tags of ", repository.text());
  std::vector<std::string> all;
  each_page(
      *place.host, cat("v2/", place.path, "/tags/list?n=1000"), pull_scope(place.path), what,
      [&](const nlohmann::json& document) { take_texts(document, "tags", what, all); }, stop);
  return all;
}

std::vector<std::string> Client::repositories(std::string_view domain, std::stop_token stop) {
  std::string what = cat("repositories of ", domain);
  std::vector<std::string> all;
  std::set<Scope> scopes = {{.type = "registry", .name = "catalog", .actions = {"*"}}};
  each_page(
      *state_->host(domain), "v2/_catalog?n=1000", scopes, what,
      [&](const nlohmann::json& document) { take_texts(document, "repositories", what, all); },
      stop);
  return all;
}

void Client::delete_manifest(const Reference& reference, std::stop_token stop) {
  Repository repository = repository_of(reference);
  Place place = state_->home(repository);
  std::string what = cat("deleting ", reference.familiar());
  // Whether it refers to another is known as long as it is there.
  std::optional<Document> document;
  if (reference.digest()) {
    document = state_->document(repository, reference.digest()->text(), what, stop);
  }
  remove(place, cat("manifests/", tag_or_digest(reference)), what, stop);
  if (!document) {
    return;
  }
  const std::string& bytes = document->bytes;
  std::optional<base::Digest> subject = subject_of(bytes, document->descriptor.media_type);
  if (subject && !find_referrers(*place.host, place.path, *subject, "", stop)) {
    forget_referrer(*this, repository,
                    {.digest = document->descriptor.digest,
                     .bytes = bytes,
                     .media_type = document->descriptor.media_type},
                    std::move(stop));
  }
}

void Client::delete_blob(const Repository& repository, const base::Digest& digest,
                         std::stop_token stop) {
  remove(state_->home(repository), cat("blobs/", digest.text()),
         cat("deleting blob ", digest.text(), " of ", repository.text()), stop);
}

std::vector<Descriptor> Client::referrers(const Repository& repository, const base::Digest& subject,
                                          std::string_view artifact_type, std::stop_token stop) {
  Place place = state_->home(repository);
  auto found = find_referrers(*place.host, place.path, subject, artifact_type, stop);
  if (!found) {
    found = find_noted_referrers(*this, repository, subject, stop);
  }
  // Registries may filter or not; whoever asks gets what was asked for.
  std::erase_if(*found, [&](const Descriptor& entry) {
    return !artifact_type.empty() && entry.artifact_type != artifact_type;
  });
  return *std::move(found);
}

void Client::check_push(const Repository& repository, std::stop_token stop) {
  Place place = state_->home(repository);
  try_upload(*place.host, {place.host->domain(), place.path}, std::move(stop));
}

Secret Client::check_login(std::string_view domain, std::stop_token stop) {
  std::shared_ptr<RegistryHost> host = state_->host(domain);
  host->authorizer().want_identity_token();
  Request request{.url = host->url("v2/", stop)};
  Response response = host->send(request, {}, Retries::kYes, stop);
  if (response.status != 200) {
    host->fail(response, cat("asking ", domain, " whether it takes the credentials"));
  }
  read_short_body(response);
  return host->authorizer().identity_token();
}

}  // namespace slipway::registry
