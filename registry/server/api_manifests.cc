// Manifests and blobs: what is there, and putting documents in place.
#include <algorithm>

#include "base/digester.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "registry/oci/reference.h"
#include "registry/server/api.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::Digest;
using NewManifest = cache::RepositoryTable::NewManifest;

// In one request.
constexpr std::size_t kTagsMax = 100;

bool is_tag(const std::string& text) {
  auto reference = Reference::parse(cat("localhost/a:", text));
  return reference && reference->tag() == text;
}

ServerResponse unknown_manifest(const Route& route) {
  return problem(404, "MANIFEST_UNKNOWN",
                 cat("there is no manifest ", route.rest, " in ", route.repository));
}

// The digest that a reference of a path stands for. Repositories know everything by its SHA-256,
// whatever those who brought it call it.
std::optional<Digest> find_digest(cache::Store& store, const Route& route) {
  if (auto digest = Digest::parse(route.rest)) {
    return store.blobs().find_sha256(*digest);
  }
  return store.repositories().find_tag(route.repository, route.rest);
}

// Everything that the document names; kInput for one that is none.
NewManifest links_of(const std::string& bytes, const std::string& content_type) {
  std::string type = document_media_type(bytes, content_type, "the manifest");
  NewManifest added{
      .manifest = {.digest = base::sha256_of(bytes), .media_type = type, .size = bytes.size()}};
  if (is_index(type)) {
    Index index = parse_index(bytes, type, "the index");
    for (const Descriptor& entry : index.manifests) {
      added.manifests.push_back(entry.digest);
    }
    added.manifest.subject = index.subject ? std::optional(index.subject->digest) : std::nullopt;
    return added;
  }
  Manifest manifest = parse_manifest(bytes, type, "the manifest");
  added.blobs.push_back(manifest.config.digest);
  for (const Descriptor& layer : manifest.layers) {
    // Foreign layers stay where their URLs are.
    if (!is_foreign_layer(layer.media_type)) {
      added.blobs.push_back(layer.digest);
    }
  }
  added.manifest.subject =
      manifest.subject ? std::optional(manifest.subject->digest) : std::nullopt;
  return added;
}

// The members by the names that the repository has for them; one that nobody brought under its
// name keeps it, and is missing.
std::vector<Digest> known_names(cache::Store& store, const std::vector<Digest>& members) {
  std::vector<Digest> names;
  for (const Digest& member : members) {
    names.push_back(store.blobs().find_sha256(member).value_or(member));
  }
  return names;
}

// "?tag=a&tag=b": tags for a manifest that is put by its digest. The refusal of one that is none.
std::optional<ServerResponse> take_tags(const ServerRequest& request, NewManifest& added) {
  auto [first, end] = request.query.equal_range("tag");
  for (; first != end; ++first) {
    if (!is_tag(first->second) || added.tags.size() == kTagsMax) {
      return problem(400, "TAG_INVALID",
                     cat(base::quote(first->second), " is no tag, or too many"));
    }
    added.tags.push_back(first->second);
  }
  return std::nullopt;
}

// Of "bytes=first-last"; nothing where it is not one range that can be served.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
std::optional<ByteRange> parse_range(std::string_view text, std::uint64_t size) {
  if (!text.starts_with("bytes=") || size == 0) {
    return std::nullopt;
  }
  auto ends = base::split_once(text.substr(6), '-');
  if (!ends) {
    return std::nullopt;
  }
  auto first = base::parse_integer<std::uint64_t>(ends->before);
  auto last = base::parse_integer<std::uint64_t>(ends->after);
  if (ends->before.empty() && last) {  // the last so many bytes
    return ByteRange{size - std::min(*last, size), size - 1};
  }
  if (!first || *first >= size || (!last && !ends->after.empty()) || (last && *last < *first)) {
    return std::nullopt;
  }
  return ByteRange{*first, std::min(last.value_or(size - 1), size - 1)};
}

}  // namespace

ServerResponse ServerApi::manifest(const ServerRequest& request, const Route& route) {
  if (request.method == "GET" || request.method == "HEAD") {
    return get_manifest(route);
  }
  if (request.method == "PUT") {
    return put_manifest(request, route);
  }
  if (request.method == "DELETE") {
    return delete_manifest(route);
  }
  return problem(405, "UNSUPPORTED", cat(request.method, " is not for manifests"));
}

ServerResponse ServerApi::get_manifest(const Route& route) {
  std::shared_ptr<cache::Store> store = stores_->get();
  std::optional<Digest> digest = find_digest(*store, route);
  std::optional<cache::ServedManifest> found =
      digest ? store->repositories().find_manifest(route.repository, *digest) : std::nullopt;
  if (!found || !store->blobs().has(found->digest)) {
    return unknown_manifest(route);
  }
  std::unique_ptr<base::Source> source = store->blobs().open(found->digest);
  ServerResponse response{.content_type = found->media_type,
                          .body = base::read_all(*source, kManifestBytesMax, "manifest")};
  std::string name = Digest::parse(route.rest) ? route.rest : found->digest.text();
  response.headers.set("Docker-Content-Digest", name);
  response.headers.set("ETag", cat('"', name, '"'));
  return response;
}

ServerResponse ServerApi::put_manifest(const ServerRequest& request, const Route& route) {
  auto expected = Digest::parse(route.rest);
  if (!expected && !is_tag(route.rest)) {
    return problem(400, "TAG_INVALID", cat(base::quote(route.rest), " is neither tag nor digest"));
  }
  std::string bytes;
  bool is_too_big = false;
  bool is_whole = request.read_body([&](std::string_view piece) {
    is_too_big = is_too_big || bytes.size() + piece.size() > kManifestBytesMax;
    bytes += is_too_big ? std::string_view() : piece;
  });
  if (is_too_big) {
    return problem(413, "SIZE_INVALID",
                   cat("manifests may have ", kManifestBytesMax, " bytes, not more"));
  }
  if (!is_whole) {
    return problem(400, "MANIFEST_INVALID", "the connection ended before the manifest did");
  }
  std::string content_type(request.headers.find("Content-Type").value_or(""));
  NewManifest added =
      links_of(bytes, std::string(base::trim(content_type.substr(0, content_type.find(';')))));
  Digest name = expected ? base::digest_like(*expected, bytes) : added.manifest.digest;
  if (expected && *expected != name) {
    return problem(400, "DIGEST_INVALID", cat("the manifest has the digest ", name.text()));
  }
  if (!expected) {
    added.tags.push_back(route.rest);
  } else if (auto bad = take_tags(request, added)) {
    return *std::move(bad);
  }
  std::shared_ptr<cache::Store> store = stores_->get();
  store->blobs().put(bytes, name);
  store->commit({});
  added.blobs = known_names(*store, added.blobs);
  added.manifests = known_names(*store, added.manifests);
  std::vector<Digest> missing = store->repositories().put_manifest(route.repository, added);
  if (!missing.empty()) {
    return problem(400, "MANIFEST_BLOB_UNKNOWN",
                   cat(missing.front().text(), " is not in ", route.repository,
                       missing.size() > 1 ? cat(" (and ", missing.size() - 1, " more)") : ""));
  }
  ServerResponse response{.status = 201};
  response.headers.set("Location", cat("/v2/", route.repository, "/manifests/", name.text()));
  response.headers.set("Docker-Content-Digest", name.text());
  for (const std::string& tag : expected ? added.tags : std::vector<std::string>()) {
    response.headers.add("OCI-Tag", tag);
  }
  if (added.manifest.subject) {
    response.headers.set("OCI-Subject", added.manifest.subject->text());
  }
  return response;
}

ServerResponse ServerApi::delete_manifest(const Route& route) {
  std::shared_ptr<cache::Store> store = stores_->get();
  cache::RepositoryTable& table = store->repositories();
  bool is_tagged = !Digest::parse(route.rest);
  std::optional<Digest> digest = find_digest(*store, route);
  bool found = digest && (is_tagged ? table.remove_tag(route.repository, route.rest)
                                    : table.remove_manifest(route.repository, *digest));
  return found ? ServerResponse{.status = 202} : unknown_manifest(route);
}

ServerResponse ServerApi::blob(const ServerRequest& request, const Route& route) {
  auto digest = Digest::parse(route.rest);
  if (!digest) {
    return problem(400, "DIGEST_INVALID", cat(base::quote(route.rest), ": ", digest.error()));
  }
  if (request.method == "GET" || request.method == "HEAD") {
    return get_blob(request, route, *digest);
  }
  if (request.method == "DELETE") {
    std::shared_ptr<cache::Store> store = stores_->get();
    std::optional<Digest> known = store->blobs().find_sha256(*digest);
    bool found = known && store->repositories().remove_blob(route.repository, *known);
    return found ? ServerResponse{.status = 202}
                 : problem(404, "BLOB_UNKNOWN", "there is no such blob");
  }
  return problem(405, "UNSUPPORTED", cat(request.method, " is not for blobs"));
}

ServerResponse ServerApi::get_blob(const ServerRequest& request, const Route& route,
                                   const Digest& digest) {
  std::shared_ptr<cache::Store> store = stores_->get();
  bool is_look = request.method == "HEAD";
  Digest known = store->blobs().find_sha256(digest).value_or(digest);
  // Who looks may be about to name it in a manifest: it is not to be dropped before.
  bool is_here = is_look && !settings_.read_only
                     ? store->repositories().use_blob(route.repository, known)
                     : store->repositories().has_blob(route.repository, known);
  std::optional<std::uint64_t> size = is_here ? store->blobs().find_size(digest) : std::nullopt;
  if (!size) {
    return problem(404, "BLOB_UNKNOWN",
                   cat("there is no blob ", digest.text(), " in ", route.repository));
  }
  ServerResponse response{.content_type = "application/octet-stream"};
  response.headers.set("Docker-Content-Digest", digest.text());
  response.headers.set("Accept-Ranges", "bytes");
  FilePart part{.file = store->blobs().open_file(digest), .length = *size};
  if (auto wanted = request.headers.find("Range"); wanted && !is_look) {
    std::optional<ByteRange> range = parse_range(*wanted, *size);
    if (!range) {
      ServerResponse refused = problem(416, "SIZE_INVALID", "no such range");
      refused.headers.set("Content-Range", cat("bytes */", *size));
      return refused;
    }
    response.status = 206;
    response.headers.set("Content-Range",
                         cat("bytes ", range->first, "-", range->last, "/", *size));
    part.offset = range->first;
    part.length = range->last - range->first + 1;
  }
  response.file = std::move(part);
  return response;
}

}  // namespace slipway::registry
