#pragma once

#include <memory>
#include <optional>
#include <string>

#include "registry/server/htpasswd.h"
#include "registry/server/message.h"
#include "registry/server/upload_sessions.h"

namespace slipway::registry {

// What a path of the distribution-spec asks for.
struct Route {
  enum class Kind { kBase, kCatalog, kTags, kManifest, kBlob, kUpload, kReferrers };
  Kind kind = Kind::kBase;
  std::string repository;
  std::string rest;  // tag, digest or ID of an upload
};
// Nothing for a path that is no such.
std::optional<Route> parse_route(std::string_view path);

// Answers requests; knows no sockets. Safe from any thread.
class ServerApi {
 public:
  struct Settings {
    bool read_only = false;
    const Htpasswd* people = nullptr;  // null: everybody
  };
  // All are owned by the caller.
  ServerApi(StoreSlot& stores, UploadSessions& uploads, Settings settings)
      : stores_(&stores), uploads_(&uploads), settings_(settings) {}

  // Throws what goes wrong here (a full disk, bytes that are not what they should be).
  ServerResponse answer(const ServerRequest& request);

 private:
  std::optional<ServerResponse> refuse(const ServerRequest& request) const;
  ServerResponse dispatch(const ServerRequest& request, const Route& route);
  ServerResponse catalog(const ServerRequest& request);
  ServerResponse tags(const ServerRequest& request, const Route& route);
  ServerResponse referrers(const ServerRequest& request, const Route& route);

  ServerResponse manifest(const ServerRequest& request, const Route& route);
  ServerResponse get_manifest(const Route& route);
  ServerResponse put_manifest(const ServerRequest& request, const Route& route);
  ServerResponse delete_manifest(const Route& route);

  ServerResponse blob(const ServerRequest& request, const Route& route);
  ServerResponse get_blob(const ServerRequest& request, const Route& route,
                          const base::Digest& digest);

  ServerResponse upload(const ServerRequest& request, const Route& route);
  ServerResponse start_upload(const ServerRequest& request, const Route& route);
  // Adds the body to the upload, if it goes on where that stands, then answers as `then` does. What
  // came before a connection broke is kept.
  template <typename Then>
  ServerResponse take(const ServerRequest& request, const Route& route, Then then);
  ServerResponse append(const ServerRequest& request, const Route& route);
  ServerResponse finish_upload(const ServerRequest& request, const Route& route);

  StoreSlot* stores_;
  UploadSessions* uploads_;
  Settings settings_;
};

}  // namespace slipway::registry
