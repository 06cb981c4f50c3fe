#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "base/time.h"
#include "registry/events.h"
#include "registry/http/credentials.h"
#include "registry/http/retry.h"
#include "registry/http/transport.h"
#include "registry/oci/descriptor.h"
#include "registry/oci/image_config.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "registry/oci/reference.h"
#include "registry/registry_settings.h"

namespace slipway::registry {

// A repository of a registry: {"docker.io", "library/alpine"}.
struct Repository {
  std::string domain;
  std::string path;

  std::string text() const { return domain + "/" + path; }
  friend bool operator==(const Repository&, const Repository&) = default;
  friend auto operator<=>(const Repository&, const Repository&) = default;
};
// kInput for a name without a registry ("exa_mple.com/a").
Repository repository_of(const Reference& reference);

// The host that serves a domain: docker.io is served by registry-1.docker.io, others by themselves.
std::string api_host(std::string_view domain);

// A manifest or index as a registry has it: the exact bytes.
struct Document {
  Descriptor descriptor;  // media type, digest and size of `bytes`
  std::string bytes;
};

// An image of a registry, chosen for a platform; no layer was touched.
struct Resolved {
  Repository repository;
  Document root;                     // what the reference names: an index or a manifest
  Document manifest_document;        // the chosen image; the same as `root` where that is no index
  Manifest manifest;                 // of manifest_document
  std::optional<Platform> platform;  // as the index says; nothing without an index
};

struct ClientOptions {
  RetryPolicy retry;
  // Registries that may be reached without TLS, or with a certificate that can't be verified: host,
  // host:port or CIDR. Loopback hosts always may.
  std::vector<std::string> insecure_registries;
  TlsVerify tls_verify = TlsVerify::kUnlessListed;
  // Mirrors, other locations and blocked registries. Whatever fails at a mirror falls through to
  // the next place. Its `insecure` ones belong into insecure_registries, too (insecure_hosts).
  RegistrySettings settings;
  unsigned transfers_max = 6;  // blobs at once from, and to, one registry
  TransferObserver observer;   // warnings and retries that belong to no blob
};

// What a Client works with; all owned by the caller, outliving it. Give the Transport the same list
// of hosts whose certificates don't count.
struct ClientServices {
  Transport* transport;
  CredentialSource* credentials;
  const base::Clock* clock;
  Pause* pause;
};

// The distribution-spec's calls, each with authorisation, redirects and retries. Every method may
// be called from any thread; tokens and the choice of http or https are shared. Failures: kDenied
// (401, 403), kNotFound (404), kNetwork (no or a useless answer, after the retries), kIntegrity
// (bytes that are not what their digest says), kInput (documents that are not what they should be),
// always with the registry's own words where it gave any.
class Client {
 public:
  Client(ClientServices services, ClientOptions options);
  ~Client();

  // The manifest or index under a tag or digest (of the reference; `latest` where it has neither).
  Document get_manifest(const Reference& reference, std::stop_token stop);
  Document get_manifest(const Repository& repository, const Descriptor& descriptor,
                        std::stop_token stop);
  // Its descriptor by HEAD (which the Hub does not count against its limit); nothing if there is no
  // such. The digest is what the registry claims.
  std::optional<Descriptor> find_manifest(const Reference& reference, std::stop_token stop);

  // The image for the platform: follows an index (of at most two levels) to the manifest. kNotFound
  // naming the platforms that exist if none fits; kInput for artifacts that are no images.
  Resolved resolve(const Reference& reference, const Platform& platform, std::stop_token stop);
  // The config's bytes, verified.
  std::string fetch_config(const Resolved& image, std::stop_token stop);

  // A blob's bytes: size and digest are checked on the way (kIntegrity at the end if they differ),
  // and a broken connection is resumed where it broke. The Client must outlive the Source. Layers
  // that the registry does not have (foreign ones) are fetched from their URLs without credentials.
  std::unique_ptr<base::Source> open_blob(const Repository& repository,
                                          const Descriptor& descriptor, std::stop_token stop);
  bool has_blob(const Repository& repository, const Descriptor& descriptor, std::stop_token stop);

  struct Upload {
    Descriptor descriptor;
    // Opens the bytes from their start; called again for each retry.
    std::function<std::unique_ptr<base::Source>()> open;
    // Repositories known to have the blob; those of the same registry are tried as mounts.
    std::vector<Repository> known_sources;
    std::function<void(std::uint64_t sent)> progress;  // may be empty
    // What is opened checks its digest itself and throws at its end, so it is not hashed again.
    bool is_verified = false;
    // An upload that is open there and may have some of the bytes (stream_blob).
    std::optional<Url> session = std::nullopt;
  };
  enum class Uploaded { kExisted, kMounted, kSent };
  struct UploadResult {
    Uploaded how = Uploaded::kSent;
    std::string mounted_from;  // the path of the repository
  };
  // Makes the repository have the blob.
  UploadResult push_blob(const Repository& repository, const Upload& upload, std::stop_token stop);

  // A blob that is still being made.
  struct Stream {
    std::string name;  // in messages
    // Taken once, read once.
    std::function<std::unique_ptr<base::Source>()> open;
    // What the bytes were; called after the last one was read.
    std::function<Descriptor()> descriptor;
    std::function<void(std::uint64_t sent)> progress;  // may be empty
  };
  struct StreamResult {
    bool is_there = false;
    std::optional<Url> session;  // of what is not there: what push_blob may go on with
  };
  // Sends a blob while it is made. Nothing is asked before, for nobody knows its digest, and
  // nothing is tried twice, for its bytes pass once: where it does not arrive, push_blob is to send
  // it. Throws only where the registry can't be reached or does not let us
  // push there, and kCancelled.
  StreamResult stream_blob(const Repository& repository, const Stream& stream,
                           std::stop_token stop);

  // Stores a manifest or index under the reference's tag, or its digest where it has none. Returns
  // its digest. One with a subject is listed among that one's referrers afterwards.
  base::Digest put_manifest(const Reference& reference, std::string_view bytes,
                            std::string_view media_type, std::stop_token stop);

  // All tags, over all pages, in the registry's order.
  std::vector<std::string> tags(const Repository& repository, std::stop_token stop);
  // All repositories, where the registry tells (the Hub does not).
  std::vector<std::string> repositories(std::string_view domain, std::stop_token stop);
  // What refers to the manifest, of a type or of any (the empty text).
  std::vector<Descriptor> referrers(const Repository& repository, const base::Digest& subject,
                                    std::string_view artifact_type, std::stop_token stop);

  // Removes the tag, or the manifest with its digest and all its tags, also from the list of
  // referrers that is kept under a tag. kDenied from a registry that does not delete. Old ones take
  // digests only.
  void delete_manifest(const Reference& reference, std::stop_token stop);
  void delete_blob(const Repository& repository, const base::Digest& digest, std::stop_token stop);

  // Throws what a push would: for finding out before a long build. Opens an upload and cancels it.
  void check_push(const Repository& repository, std::stop_token stop);
  // Throws kDenied if the registry does not take the credentials (or asks for some and has none).
  // Gives the identity token that is to be kept in place of the password, where its token server
  // has such; else the empty one.
  Secret check_login(std::string_view domain, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::registry
