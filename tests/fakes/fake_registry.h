#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "registry/oci/descriptor.h"
#include "registry/oci/image_config.h"
#include "registry/oci/manifest.h"
#include "registry/oci/reference.h"
#include "tests/fakes/fake_server.h"

namespace slipway::tests {

// A registry in memory, on loopback and without TLS, with scripted faults. It checks what real ones
// check: digests of uploads, blobs of manifests, tokens and their scopes.
class FakeRegistry {
 public:
  struct Options {
    enum class Auth { kNone, kBasic, kBearer };
    Auth auth = Auth::kNone;  // user "user", password "password"
    bool can_mount = true;
    bool has_digest_headers = true;
    bool has_referrers = false;  // the referrers API, and OCI-Subject in answers
    std::size_t body_bytes_max = std::string::npos;  // more in one request is answered with 413
  };
  explicit FakeRegistry(Options options);
  FakeRegistry() : FakeRegistry(Options{}) {}

  // "127.0.0.1:port": the domain of its references.
  std::string host() const { return server_.host(); }
  const FakeServer& server() const { return server_; }
  registry::Reference reference(std::string_view name) const;

  base::Digest put_blob(const std::string& repository, std::string_view bytes);
  void put_manifest(const std::string& repository, const std::string& name, std::string_view bytes,
                    std::string_view media_type);
  // An image of these (uncompressed) layers under the tag.
  registry::Manifest put_image(const std::string& repository, const std::string& tag,
                               const std::vector<std::string>& layers,
                               const registry::Platform& platform = registry::host_platform());
  std::optional<std::string> find_blob(const std::string& repository,
                                       std::string_view digest) const;
  std::optional<std::string> find_manifest(const std::string& repository,
                                           std::string_view name) const;

  // The next requests whose line ("PUT /v2/app/…") has `part` in it are answered by `answer`; where
  // that gives nothing, as usual. Early ones are answered before the body is read.
  struct Fault {
    std::string part;
    int times = 1;
    int skip = 0;  // so many are let through before
    bool early = false;
    std::function<std::optional<FakeResponse>(const FakeRequest&)> answer;
  };
  void add_fault(Fault fault);
  void add_fault(std::string part, FakeResponse response, int times = 1);

  // The next PATCH leaves only so many bytes of its body here, and its connection breaks.
  void break_next_patch(std::size_t kept_bytes);

  // What was issued so far is refused from now on.
  void expire_tokens();
  // Lines of requests whose method is one of these, without queries.
  std::vector<std::string> lines(std::set<std::string> methods) const;

 private:
  struct Content {
    std::map<std::string, std::string> blobs;
    struct Stored {
      std::string media_type;
      std::string bytes;
    };
    std::map<std::string, Stored> manifests;  // by tag and by digest
  };
  struct State {
    std::map<std::string, Content> repositories;
    struct Upload {
      std::string repository;
      std::string bytes;
    };
    std::map<std::string, Upload> uploads;  // by session
    std::optional<std::size_t> next_patch_keeps;
    std::map<std::string, std::set<std::string>> tokens;  // token -> scopes
    std::vector<Fault> faults;
    int counter = 0;
  };
  FakeResponse answer(const FakeRequest& request);
  std::optional<FakeResponse> take_fault(const FakeRequest& request, bool early);
  FakeResponse token(const FakeRequest& request);
  std::optional<FakeResponse> refuse(const FakeRequest& request, const std::string& repository);
  FakeResponse manifests(const FakeRequest& request, const std::string& repository,
                         const std::string& name);
  FakeResponse blobs(const FakeRequest& request, const std::string& repository,
                     const std::string& digest);
  FakeResponse referrers(const std::string& repository, const std::string& digest);
  FakeResponse tags(const std::string& repository);
  FakeResponse patch(const FakeRequest& request, const std::string& session);
  FakeResponse uploads(const FakeRequest& request, const std::string& repository,
                       const std::string& session);

  Options options_;
  mutable base::Guarded<State> state_;
  FakeServer server_;  // last: its threads use the others
};

FakeResponse registry_error(int status, std::string_view code, std::string_view message);

}  // namespace slipway::tests
