#include "registry/server/api.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "registry/oci/reference.h"

namespace slipway::registry {

namespace {

using base::cat;
using Kind = Route::Kind;

constexpr std::size_t kPageMax = 1000;

bool is_repository(const std::string& name) {
  auto reference = Reference::parse(cat("localhost/", name));
  return reference && reference->path() == name && !reference->tag() && !reference->digest();
}

cache::RepositoryTable::Page page_of(const ServerRequest& request) {
  cache::RepositoryTable::Page page{.last = request.find_query("last").value_or(""),
                                    .limit = kPageMax};
  if (auto wanted = base::parse_integer<std::size_t>(request.find_query("n").value_or(""))) {
    page.limit = std::min(*wanted, kPageMax);
  }
  return page;
}

// The page after this one, where it was full.
void link_next(ServerResponse& response, const ServerRequest& request, std::size_t count,
               const cache::RepositoryTable::Page& page, const std::string& last) {
  if (count == 0 || count < page.limit) {
    return;
  }
  std::string filter = request.find_query("artifactType").value_or("");
  response.headers.set(
      "Link", cat("<", request.path, "?n=", page.limit, "&last=", base::percent_encode(last),
                  filter.empty() ? "" : cat("&artifactType=", base::percent_encode(filter)),
                  ">; rel=\"next\""));
}

ServerResponse json_answer(const nlohmann::json& document) {
  return {.content_type = "application/json", .body = base::dump_json(document)};
}

// An entry of a list of referrers: distribution-spec, "Listing Referrers".
nlohmann::json referrer_of(const cache::ServedManifest& row, const std::string& bytes) {
  nlohmann::json entry = {
      {"mediaType", row.media_type}, {"digest", row.digest.text()}, {"size", row.size}};
  Annotations annotations;
  std::string artifact_type;
  if (is_index(row.media_type)) {
    Index index = parse_index(bytes, row.media_type, row.digest.text());
    annotations = std::move(index.annotations);
    artifact_type = std::move(index.artifact_type);
  } else {
    Manifest manifest = parse_manifest(bytes, row.media_type, row.digest.text());
    annotations = std::move(manifest.annotations);
    artifact_type = manifest.artifact_type.empty() ? std::move(manifest.config.media_type)
                                                   : std::move(manifest.artifact_type);
  }
  if (!artifact_type.empty()) {
    entry["artifactType"] = artifact_type;
  }
  if (!annotations.empty()) {
    entry["annotations"] = annotations;
  }
  return entry;
}

}  // namespace

ServerResponse problem(int status, std::string_view code, std::string_view message) {
  nlohmann::json error = {{"code", code}, {"message", message}};
  return {.status = status,
          .content_type = "application/json",
          .body = base::dump_json({{"errors", nlohmann::json::array({error})}})};
}

std::optional<Route> parse_route(std::string_view path) {
  if (path == "/v2" || path == "/v2/") {
    return Route{.kind = Kind::kBase};
  }
  if (!path.starts_with("/v2/")) {
    return std::nullopt;
  }
  path.remove_prefix(4);
  if (path == "_catalog") {
    return Route{.kind = Kind::kCatalog};
  }
  struct Part {
    std::string_view text;
    Kind kind;
  };
  // "/blobs/uploads/" before "/blobs/": a repository may end in what looks like the other's.
  constexpr std::array<Part, 5> kParts = {{{"/blobs/uploads", Kind::kUpload},
                                           {"/tags/list", Kind::kTags},
                                           {"/manifests/", Kind::kManifest},
                                           {"/blobs/", Kind::kBlob},
                                           {"/referrers/", Kind::kReferrers}}};
  for (const Part& part : kParts) {
    std::size_t place = path.rfind(part.text);
    if (place == std::string_view::npos) {
      continue;
    }
    std::string_view rest = path.substr(place + part.text.size());
    bool fits = part.kind != Kind::kTags || rest.empty();
    if (part.kind == Kind::kUpload && !rest.empty()) {
      fits = rest.starts_with('/');
      rest.remove_prefix(1);
    }
    fits = fits && !rest.contains('/');
    std::string repository(path.substr(0, place));
    if (fits && is_repository(repository)) {
      return Route{
          .kind = part.kind, .repository = std::move(repository), .rest = std::string(rest)};
    }
  }
  return std::nullopt;
}

std::optional<ServerResponse> ServerApi::refuse(const ServerRequest& request) const {
  if (settings_.people != nullptr &&
      !settings_.people->admits(request.headers.find("Authorization").value_or(""))) {
    ServerResponse response = problem(401, "UNAUTHORIZED", "authentication required");
    response.headers.set("WWW-Authenticate", "Basic realm=\"slipway registry\"");
    return response;
  }
  bool reads = request.method == "GET" || request.method == "HEAD";
  if (settings_.read_only && !reads) {
    return problem(405, "UNSUPPORTED", "this registry is read-only");
  }
  return std::nullopt;
}

ServerResponse ServerApi::answer(const ServerRequest& request) {
  if (std::optional<ServerResponse> refused = refuse(request)) {
    return *std::move(refused);
  }
  std::optional<Route> route = parse_route(request.path);
  if (!route) {
    return problem(404, "NAME_INVALID", cat("no such place: ", request.path));
  }
  return dispatch(request, *route);
}

ServerResponse ServerApi::dispatch(const ServerRequest& request, const Route& route) {
  bool reads = request.method == "GET" || request.method == "HEAD";
  switch (route.kind) {
    case Kind::kManifest:
      return manifest(request, route);
    case Kind::kBlob:
      return blob(request, route);
    case Kind::kUpload:
      return upload(request, route);
    default:
      break;
  }
  if (!reads) {
    return problem(405, "UNSUPPORTED", cat(request.method, " is not for ", request.path));
  }
  switch (route.kind) {
    case Kind::kCatalog:
      return catalog(request);
    case Kind::kTags:
      return tags(request, route);
    case Kind::kReferrers:
      return referrers(request, route);
    default:
      return json_answer(nlohmann::json::object());
  }
}

ServerResponse ServerApi::catalog(const ServerRequest& request) {
  cache::RepositoryTable::Page page = page_of(request);
  std::vector<std::string> names = stores_->get()->repositories().repositories(page);
  ServerResponse response = json_answer({{"repositories", names}});
  link_next(response, request, names.size(), page, names.empty() ? "" : names.back());
  return response;
}

ServerResponse ServerApi::tags(const ServerRequest& request, const Route& route) {
  std::shared_ptr<cache::Store> store = stores_->get();
  if (!store->repositories().has_repository(route.repository)) {
    return problem(404, "NAME_UNKNOWN", cat("there is no repository ", route.repository));
  }
  cache::RepositoryTable::Page page = page_of(request);
  std::vector<std::string> names = store->repositories().tags(route.repository, page);
  ServerResponse response = json_answer({{"name", route.repository}, {"tags", names}});
  link_next(response, request, names.size(), page, names.empty() ? "" : names.back());
  return response;
}

ServerResponse ServerApi::referrers(const ServerRequest& request, const Route& route) {
  auto subject = base::Digest::parse(route.rest);
  if (!subject) {
    return problem(400, "DIGEST_INVALID", cat(base::quote(route.rest), ": ", subject.error()));
  }
  std::shared_ptr<cache::Store> store = stores_->get();
  cache::RepositoryTable::Page page = page_of(request);
  std::vector<cache::ServedManifest> rows =
      store->repositories().referrers(route.repository, *subject, page);
  std::string wanted = request.find_query("artifactType").value_or("");
  nlohmann::json entries = nlohmann::json::array();
  for (const cache::ServedManifest& row : rows) {
    nlohmann::json entry = referrer_of(row, store->blobs().read(row.digest, kManifestBytesMax));
    if (wanted.empty() || entry.value("artifactType", "") == wanted) {
      entries.push_back(std::move(entry));
    }
  }
  ServerResponse response = json_answer(
      {{"schemaVersion", 2}, {"mediaType", media_types::kOciIndex}, {"manifests", entries}});
  response.content_type = media_types::kOciIndex;
  if (!wanted.empty()) {
    response.headers.set("OCI-Filters-Applied", "artifactType");
  }
  link_next(response, request, rows.size(), page, rows.empty() ? "" : rows.back().digest.text());
  return response;
}

}  // namespace slipway::registry
