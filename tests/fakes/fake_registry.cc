#include "tests/fakes/fake_registry.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "registry/oci/index.h"

namespace slipway::tests {

using base::cat;

namespace {

FakeResponse with_bytes(const FakeRequest& request, const std::string& bytes) {
  std::string range = request.header("Range");
  if (!range.starts_with("bytes=")) {
    return {.body = bytes};
  }
  std::size_t start = std::stoul(range.substr(6));
  if (start >= bytes.size()) {
    return {.status = 416};
  }
  return {.status = 206,
          .headers = {{"Content-Range",
                       cat("bytes ", start, "-", bytes.size() - 1, "/", bytes.size())}},
          .body = bytes.substr(start)};
}

}  // namespace

FakeResponse registry_error(int status, std::string_view code, std::string_view message) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = cat(R"({"errors":[{"code":")", code, R"(","message":")", message, R"("}]})")};
}

FakeRegistry::FakeRegistry(Options options)
    : options_(options),
      server_([this](const FakeRequest& request) { return answer(request); },
              [this](const FakeRequest& request) { return take_fault(request, true); }) {}

registry::Reference FakeRegistry::reference(std::string_view name) const {
  return registry::Reference::parse(cat(host(), "/", name)).value();
}

base::Digest FakeRegistry::put_blob(const std::string& repository, std::string_view bytes) {
  base::Digest digest = base::sha256_of(bytes);
  state_.lock()->repositories[repository].blobs[digest.text()] = bytes;
  return digest;
}

void FakeRegistry::put_manifest(const std::string& repository, const std::string& name,
                                std::string_view bytes, std::string_view media_type) {
  Content::Stored stored{.media_type = std::string(media_type), .bytes = std::string(bytes)};
  auto state = state_.lock();
  auto& manifests = state->repositories[repository].manifests;
  manifests[name] = stored;
  manifests[base::sha256_of(bytes).text()] = stored;
}

registry::Manifest FakeRegistry::put_image(const std::string& repository, const std::string& tag,
                                           const std::vector<std::string>& layers,
                                           const registry::Platform& platform) {
  registry::ImageConfig config{.platform = platform};
  registry::Manifest manifest{
      .media_type = std::string(registry::media_types::kOciManifest),
      .config = {.media_type = std::string(registry::media_types::kOciConfig),
                 .digest = base::sha256_of("")}};
  for (const std::string& layer : layers) {
    base::Digest digest = put_blob(repository, layer);
    config.diff_ids.emplace_back(digest);
    manifest.layers.push_back({.media_type = std::string(registry::media_types::kOciLayer),
                               .digest = digest,
                               .size = static_cast<std::int64_t>(layer.size())});
  }
  std::string bytes = registry::serialise(config);
  manifest.config.digest = put_blob(repository, bytes);
  manifest.config.size = static_cast<std::int64_t>(bytes.size());
  put_manifest(repository, tag, registry::serialise(manifest), manifest.media_type);
  return manifest;
}

std::optional<std::string> FakeRegistry::find_blob(const std::string& repository,
                                                   std::string_view digest) const {
  auto state = state_.lock();
  const auto& blobs = state->repositories[repository].blobs;
  auto found = blobs.find(std::string(digest));
  return found == blobs.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FakeRegistry::find_manifest(const std::string& repository,
                                                       std::string_view name) const {
  auto state = state_.lock();
  const auto& manifests = state->repositories[repository].manifests;
  auto found = manifests.find(std::string(name));
  return found == manifests.end() ? std::nullopt : std::optional(found->second.bytes);
}

void FakeRegistry::add_fault(Fault fault) {
  state_.lock()->faults.push_back(std::move(fault));
}

void FakeRegistry::add_fault(std::string part, FakeResponse response, int times) {
  add_fault({.part = std::move(part), .times = times, .answer = [response](const FakeRequest&) {
               return response;
             }});
}

void FakeRegistry::break_next_patch(std::size_t kept_bytes) {
  state_.lock()->next_patch_keeps = kept_bytes;
}

void FakeRegistry::expire_tokens() {
  state_.lock()->tokens.clear();
}

std::vector<std::string> FakeRegistry::lines(std::set<std::string> methods) const {
  std::vector<std::string> lines;
  for (const FakeRequest& request : server_.requests()) {
    if (methods.contains(request.method)) {
      lines.push_back(cat(request.method, " ", request.path()));
    }
  }
  return lines;
}

std::optional<FakeResponse> FakeRegistry::take_fault(const FakeRequest& request, bool early) {
  std::function<std::optional<FakeResponse>(const FakeRequest&)> chosen;
  {
    auto state = state_.lock();
    for (Fault& fault : state->faults) {
      if (fault.early != early || fault.times == 0 || !request.line().contains(fault.part)) {
        continue;
      }
      if (fault.skip > 0) {
        --fault.skip;
        continue;
      }
      --fault.times;
      chosen = fault.answer;
      break;
    }
  }
  return chosen ? chosen(request) : std::nullopt;
}

FakeResponse FakeRegistry::token(const FakeRequest& request) {
  bool is_user = request.header("Authorization") == "Basic " + base::to_base64("user:password") ||
                 request.body.contains("refresh_token=identity");
  bool is_anonymous = request.header("Authorization").empty() && request.body.empty();
  if (!is_user && !is_anonymous) {
    return {.status = 401, .body = R"({"details":"incorrect username or password"})"};
  }
  auto state = state_.lock();
  std::string token = cat("token", ++state->counter);
  std::set<std::string>& scopes = state->tokens[token];
  std::size_t question = request.target.find('?');
  std::string text = request.body.empty() && question != std::string::npos
                         ? request.target.substr(question + 1)
                         : request.body;
  for (std::string_view pair : base::split(text, '&')) {
    if (pair.starts_with("scope=")) {
      FakeRequest one{.target = cat("/?", pair)};
      std::string list = one.query("scope");
      for (std::string_view scope : base::split(list, ' ')) {
        scopes.emplace(scope);
      }
    }
  }
  if (is_anonymous) {
    std::erase_if(scopes, [](const std::string& scope) { return scope.contains("push"); });
  }
  return {.body = cat(R"({"token":")", token, R"(","expires_in":300})")};
}

std::optional<FakeResponse> FakeRegistry::refuse(const FakeRequest& request,
                                                 const std::string& repository) {
  std::string header = request.header("Authorization");
  FakeResponse unauthorized = registry_error(401, "UNAUTHORIZED", "authentication required");
  if (options_.auth == Options::Auth::kNone) {
    return std::nullopt;
  }
  if (options_.auth == Options::Auth::kBasic) {
    unauthorized.headers.add("WWW-Authenticate", "Basic realm=\"fake\"");
    bool known = header == "Basic " + base::to_base64("user:password");
    return known ? std::nullopt : std::optional(unauthorized);
  }
  bool writes = request.method != "GET" && request.method != "HEAD";
  std::string action = writes ? "push" : "pull";
  unauthorized.headers.add(
      "WWW-Authenticate",
      cat("Bearer realm=\"", server_.url("/token"), "\",service=\"fake\"",
          repository.empty() ? "" : cat(",scope=\"repository:", repository, ":", action, "\"")));
  auto state = state_.lock();
  auto found = state->tokens.find(header.substr(std::min<std::size_t>(header.size(), 7)));
  if (found == state->tokens.end()) {
    return unauthorized;
  }
  bool allowed =
      repository.empty() ||
      std::any_of(found->second.begin(), found->second.end(), [&](const auto& scope) {
        return scope.starts_with(cat("repository:", repository, ":")) && scope.contains(action);
      });
  return allowed ? std::nullopt : std::optional(unauthorized);
}

FakeResponse FakeRegistry::answer(const FakeRequest& request) {
  if (auto fault = take_fault(request, false)) {
    return *fault;
  }
  std::string path = request.path();
  if (path == "/token") {
    return token(request);
  }
  std::size_t place = std::string::npos;
  for (std::string_view part :
       {"/manifests/", "/blobs/uploads/", "/blobs/", "/tags/", "/referrers/"}) {
    place = path.find(part);
    if (place == std::string::npos) {
      continue;
    }
    std::string repository = path.substr(4, place - 4);
    std::string rest = path.substr(place + part.size());
    if (auto refusal = refuse(request, repository)) {
      return *refusal;
    }
    if (part == "/manifests/") {
      return manifests(request, repository, rest);
    }
    if (part == "/blobs/uploads/") {
      return uploads(request, repository, rest);
    }
    if (part == "/referrers/") {
      return referrers(repository, rest);
    }
    return part == "/blobs/" ? blobs(request, repository, rest) : tags(repository);
  }
  if (auto refusal = refuse(request, "")) {
    return *refusal;
  }
  return {.status = path == "/v2/" ? 200 : 404};
}

FakeResponse FakeRegistry::manifests(const FakeRequest& request, const std::string& repository,
                                     const std::string& name) {
  if (request.method == "PUT") {
    put_manifest(repository, name, request.body, request.header("Content-Type"));
    FakeResponse response{
        .status = 201,
        .headers = {{"Docker-Content-Digest", base::sha256_of(request.body).text()}}};
    if (options_.has_referrers && request.body.contains("\"subject\"")) {
      response.headers.add("OCI-Subject", "as asked");
    }
    return response;
  }
  auto state = state_.lock();
  auto& all = state->repositories[repository].manifests;
  if (request.method == "DELETE") {
    return {.status = all.erase(name) > 0 ? 202 : 404};
  }
  auto found = all.find(name);
  if (found == all.end()) {
    return registry_error(404, "MANIFEST_UNKNOWN", "manifest unknown");
  }
  FakeResponse response{.headers = {{"Content-Type", found->second.media_type}},
                        .body = found->second.bytes};
  if (options_.has_digest_headers) {
    response.headers.add("Docker-Content-Digest", base::sha256_of(found->second.bytes).text());
  }
  return response;
}

FakeResponse FakeRegistry::tags(const std::string& repository) {
  std::vector<std::string> names;
  for (const auto& [name, stored] : state_.lock()->repositories[repository].manifests) {
    if (!name.contains(':')) {
      names.push_back(base::quote(name));
    }
  }
  return {.body = cat(R"({"name":")", repository, R"(","tags":[)", base::join(names, ","), "]}")};
}

// One entry for each manifest that has the digest as its subject; only their digests count here.
FakeResponse FakeRegistry::referrers(const std::string& repository, const std::string& digest) {
  if (!options_.has_referrers) {
    return registry_error(404, "UNSUPPORTED", "no referrers here");
  }
  registry::Index index{.media_type = std::string(registry::media_types::kOciIndex)};
  for (const auto& [name, stored] : state_.lock()->repositories[repository].manifests) {
    if (!name.contains(':') || registry::is_index(stored.media_type)) {
      continue;
    }
    registry::Manifest manifest =
        registry::parse_manifest(stored.bytes, stored.media_type, "stored");
    if (manifest.subject && manifest.subject->digest.text() == digest) {
      index.manifests.push_back({.media_type = stored.media_type,
                                 .digest = base::sha256_of(stored.bytes),
                                 .size = static_cast<std::int64_t>(stored.bytes.size()),
                                 .artifact_type = manifest.artifact_type});
    }
  }
  return {.headers = {{"Content-Type", index.media_type}}, .body = registry::serialise(index)};
}

FakeResponse FakeRegistry::blobs(const FakeRequest& request, const std::string& repository,
                                 const std::string& digest) {
  if (request.method == "DELETE") {
    return {.status = state_.lock()->repositories[repository].blobs.erase(digest) > 0 ? 202 : 404};
  }
  auto bytes = find_blob(repository, digest);
  return bytes ? with_bytes(request, *bytes)
               : registry_error(404, "BLOB_UNKNOWN", "blob unknown to registry");
}

FakeResponse FakeRegistry::uploads(const FakeRequest& request, const std::string& repository,
                                   const std::string& session) {
  if (request.method == "POST") {
    std::string mount = request.query("mount");
    auto bytes = find_blob(request.query("from"), mount);
    if (options_.can_mount && bytes) {
      put_blob(repository, *bytes);
      return {.status = 201, .headers = {{"Location", cat("/v2/", repository, "/blobs/", mount)}}};
    }
    auto state = state_.lock();
    std::string id = cat("session", ++state->counter);
    state->uploads[id] = {repository, ""};
    return {.status = 202,
            .headers = {{"Location", cat("/v2/", repository, "/blobs/uploads/", id, "?_state=x")}}};
  }
  if (request.method == "PATCH") {
    return patch(request, session);
  }
  auto state = state_.lock();
  auto found = state->uploads.find(session);
  if (found == state->uploads.end()) {
    return registry_error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  }
  if (request.method == "GET") {
    return {.status = 204,
            .headers = {
                {"Range", cat("0-", std::max<std::size_t>(found->second.bytes.size(), 1) - 1)}}};
  }
  std::string bytes = found->second.bytes + request.body;
  state->uploads.erase(found);
  if (request.method == "DELETE") {
    return {.status = 204};
  }
  base::Digest digest = base::sha256_of(bytes);
  if (request.query("_state") != "x" || request.query("digest") != digest.text()) {
    return registry_error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  state->repositories[repository].blobs[digest.text()] = bytes;
  return {.status = 201, .headers = {{"Docker-Content-Digest", digest.text()}}};
}

FakeResponse FakeRegistry::patch(const FakeRequest& request, const std::string& session) {
  auto state = state_.lock();
  auto found = state->uploads.find(session);
  if (found == state->uploads.end()) {
    return registry_error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  }
  std::string& bytes = found->second.bytes;
  if (request.body.size() > options_.body_bytes_max) {
    return registry_error(413, "SIZE_INVALID", "too large for one request");
  }
  std::string range = request.header("Content-Range");
  FakeResponse response{.status = 202,
                        .headers = {{"Location", cat("/v2/", found->second.repository,
                                                     "/blobs/uploads/", session, "?_state=x")}}};
  bool in_order = range.empty() || range.starts_with(cat(bytes.size(), "-"));
  if (!in_order) {
    response.status = 416;
  } else if (state->next_patch_keeps) {
    bytes += request.body.substr(0, *std::exchange(state->next_patch_keeps, std::nullopt));
    response.drop = true;
  } else {
    bytes += request.body;
  }
  response.headers.add("Range", cat("0-", std::max<std::size_t>(bytes.size(), 1) - 1));
  return response;
}

}  // namespace slipway::tests
