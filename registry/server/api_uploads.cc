// How blobs come: distribution-spec, "Pushing blobs". A session is opened by POST, filled by PATCH
// (any number of times, in order) and closed by PUT with the digest; POST alone may do all of it,
// or take the blob from another repository.
#include "base/error.h"
#include "base/text.h"
#include "registry/server/api.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::Digest;

std::string place_of(const Route& route, const std::string& id) {
  return cat("/v2/", route.repository, "/blobs/uploads/", id);
}

// How far it got: "0-99". Docker's way to say "nothing yet" is "0-0".
std::string range_of(std::uint64_t size) {
  return cat("0-", size == 0 ? 0 : size - 1);
}

ServerResponse progress(int status, const Route& route, const std::string& id, std::uint64_t size) {
  ServerResponse response{.status = status};
  response.headers.set("Location", place_of(route, id));
  response.headers.set("Range", range_of(size));
  response.headers.set("Docker-Upload-UUID", id);
  return response;
}

ServerResponse unknown_upload() {
  return problem(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload (any more): begin anew");
}

ServerResponse stored(const Route& route, const Digest& digest) {
  ServerResponse response{.status = 201};
  response.headers.set("Location", cat("/v2/", route.repository, "/blobs/", digest.text()));
  response.headers.set("Docker-Content-Digest", digest.text());
  return response;
}

// Whether a chunk goes on where the bytes so far end; one that says nothing does.
bool fits(const ServerRequest& request, std::uint64_t size) {
  std::string_view text = request.headers.find("Content-Range").value_or("");
  if (text.starts_with("bytes ")) {
    text.remove_prefix(6);
  }
  if (text.empty()) {
    return true;
  }
  auto ends = base::split_once(text, '-');
  auto first = ends ? base::parse_integer<std::uint64_t>(ends->before) : std::nullopt;
  return first == size;
}

// kIntegrity if the bytes are others. Whatever comes of it, the upload is at its end.
void store_blob(Upload& upload, const Digest& digest) {
  std::unique_ptr<cache::BlobWriter> writer = std::move(upload.writer);
  cache::BlobInfo blob = writer->commit({.digest = digest, .size = std::nullopt});
  upload.store->commit({});
  upload.store->repositories().add_blob(upload.repository, blob.digest);
}

}  // namespace

ServerResponse ServerApi::upload(const ServerRequest& request, const Route& route) {
  if (request.method == "POST" && route.rest.empty()) {
    return start_upload(request, route);
  }
  std::shared_ptr<UploadSessions::Session> session = uploads_->find(route.repository, route.rest);
  if (!session) {
    return unknown_upload();
  }
  if (request.method == "GET" || request.method == "HEAD") {
    return progress(204, route, route.rest, session->received);
  }
  if (request.method == "DELETE") {
    uploads_->close(route.rest);
    return {.status = 204};
  }
  if (request.method == "PATCH") {
    return append(request, route);
  }
  if (request.method == "PUT") {
    return finish_upload(request, route);
  }
  return problem(405, "UNSUPPORTED", cat(request.method, " is not for uploads"));
}

ServerResponse ServerApi::start_upload(const ServerRequest& request, const Route& route) {
  std::optional<std::string> mount = request.find_query("mount");
  auto wanted = mount ? Digest::parse(*mount) : Digest::parse("");
  std::optional<std::string> from = request.find_query("from");
  std::shared_ptr<cache::Store> store = stores_->get();
  auto known = wanted ? store->blobs().find_sha256(*wanted) : std::nullopt;
  if (known && from && store->repositories().mount_blob(*from, route.repository, *known)) {
    return stored(route, *wanted);
  }
  std::optional<std::string> id = uploads_->open(route.repository);
  if (!id) {
    return problem(429, "TOOMANYREQUESTS", "too many uploads are open");
  }
  if (!request.find_query("digest")) {
    return progress(202, route, *id, 0);
  }
  Route all = route;
  all.rest = *id;
  return finish_upload(request, all);
}

template <typename Then>
ServerResponse ServerApi::take(const ServerRequest& request, const Route& route, Then then) {
  std::shared_ptr<UploadSessions::Session> session = uploads_->find(route.repository, route.rest);
  if (!session) {
    return unknown_upload();
  }
  auto upload = session->upload.lock();
  if (!upload->writer) {
    return unknown_upload();  // another request was faster
  }
  if (!fits(request, upload->writer->size())) {
    return progress(416, route, route.rest, upload->writer->size());
  }
  bool is_whole = !request.has_body || request.read_body([&](std::string_view piece) {
    upload->writer->write(piece);
    session->received = upload->writer->size();
  });
  if (!is_whole) {
    return problem(400, "BLOB_UPLOAD_INVALID", "the connection ended before the bytes did");
  }
  return then(*upload);
}

ServerResponse ServerApi::append(const ServerRequest& request, const Route& route) {
  return take(request, route, [&](const Upload& upload) {
    return progress(202, route, route.rest, upload.writer->size());
  });
}

ServerResponse ServerApi::finish_upload(const ServerRequest& request, const Route& route) {
  auto digest = Digest::parse(request.find_query("digest").value_or(""));
  if (!digest) {
    return problem(400, "DIGEST_INVALID",
                   cat("an upload ends with ?digest=sha256:… (or sha512): ", digest.error()));
  }
  return take(request, route, [&](Upload& upload) {
    uploads_->close(route.rest);
    store_blob(upload, *digest);
    return stored(route, *digest);
  });
}

}  // namespace slipway::registry
