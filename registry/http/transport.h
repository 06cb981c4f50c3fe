#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/http/message.h"

namespace slipway::registry {

// How to reach hosts. Everything is given by the caller; no environment is read here.
struct TransportOptions {
  std::string user_agent = "slipway/" SLIPWAY_VERSION;
  int connect_timeout_ms = 30'000;
  // No byte in either direction for so long ends a request.
  int idle_timeout_ms = 60'000;

  // CA certificates to trust instead of the system's: a PEM file or a directory of hashed names
  // ($SSL_CERT_FILE, $SSL_CERT_DIR).
  std::string ca_file;
  std::string ca_directory;
  // Folders with one folder per "host[:port]" (docker.io for the Hub) holding *.crt (CAs in
  // addition to those above) and NAME.cert with NAME.key (what we show): /etc/docker/certs.d and
  // the like.
  std::vector<std::string> certs_directories;
  // A folder with such files for every host (--cert-dir); it must be there.
  std::string certs_directory_for_all;
  // Hosts whose certificate is not verified: host, host:port or CIDR. Loopback hosts never need to
  // be listed.
  std::vector<std::string> unverified_hosts;
  TlsVerify tls_verify = TlsVerify::kUnlessListed;

  // Proxy URLs and the hosts that bypass them, as in HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
};

// One request, one answer: no redirects, no retries, no credentials of its own. Safe from many
// threads at once; connections are kept and used again. A Response may outlive neither the
// Transport nor be read by two threads at once.
//
// Precondition of the real one: the process ignores SIGPIPE.
class Transport {
 public:
  virtual ~Transport() = default;
  // Returns when the head of the answer is here, whatever its status. Throws kNetwork if there is
  // no answer, whatever the body's Source throws, and kCancelled on a stop (also later, from reads
  // of the answer's body).
  virtual Response send(const Request& request, std::stop_token stop) = 0;
};

// HTTP/1.1 over TCP and TLS through libcurl, which is loaded when the first request is made.
std::unique_ptr<Transport> make_transport(TransportOptions options);

// A failure to get any answer. Callers decide by `reason`; the kind is always kNetwork.
class TransportError : public base::Error {
 public:
  enum class Reason {
    kOther,
    kNameNotFound,
    kRefused,      // nobody listens
    kNotTls,       // the other side does not speak TLS
    kCertificate,  // it does, and can't be trusted
    kTlsRefused,   // it does, and wants none of us: a certificate of ours is missing, say
    kTimeout,
  };
  TransportError(Reason why, std::string message)
      : base::Error(base::ErrorKind::kNetwork, std::move(message)), reason(why) {}
  Reason reason;
};

}  // namespace slipway::registry
