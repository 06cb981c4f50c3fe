#include "registry/server/connection_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <climits>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

// Silence in the middle of a request.
constexpr int kIdleMs = 60'000;
// How long a client that is refused may take to hear why.
constexpr int kLastWaitMs = 1'000;
constexpr int kLastReadsMax = 16;

template <auto function>
struct Free {
  template <typename Object>
  void operator()(Object* object) const {
    function(object);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Free<&SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<&SSL_free>>;

// False after the time, when the event has come, or if the connection is broken.
bool wait_for(int socket, short events, int timeout_ms, const base::Fd& event) {
  std::array<pollfd, 2> wanted = {pollfd{socket, events, 0}, pollfd{event.get(), POLLIN, 0}};
  int count = 0;
  do {
    count = ::poll(wanted.data(), wanted.size(), timeout_ms);
  } while (count < 0 && errno == EINTR);
  return count > 0 && wanted[1].revents == 0;
}

class PlainStream : public ConnectionStream {
 public:
  PlainStream(base::Fd socket, const base::Fd& end_event)
      : socket_(std::move(socket)), end_event_(&end_event) {}

  std::size_t read(std::span<char> bytes) override {
    while (true) {
      ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count >= 0) {
        return static_cast<std::size_t>(count);
      }
      bool may_come = errno == EAGAIN || errno == EINTR;
      if (!may_come || !wait_for(socket_.get(), POLLIN, kIdleMs, *end_event_)) {
        return 0;
      }
    }
  }

  bool write(std::string_view bytes) override {
    while (!bytes.empty()) {
      ssize_t count =
          ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      bool may_go = errno == EAGAIN || errno == EINTR;
      if (!may_go || !wait_for(socket_.get(), POLLOUT, kIdleMs, *end_event_)) {
        return false;
      }
    }
    return true;
  }

  bool wait_for_request(int timeout_ms, const base::Fd& stop_event) override {
    return wait_for(socket_.get(), POLLIN, timeout_ms, stop_event);
  }

 private:
  base::Fd socket_;
  const base::Fd* end_event_;  // the server's
};

class TlsStream : public ConnectionStream {
 public:
  TlsStream(base::Fd socket, Ssl ssl, const base::Fd& end_event)
      : socket_(std::move(socket)), end_event_(&end_event), ssl_(std::move(ssl)) {}

  bool accept() {
    if (run([&] { return SSL_accept(ssl_.get()); }) > 0) {
      return true;
    }
    let_alert_arrive();
    return false;
  }
  std::size_t read(std::span<char> bytes) override {
    int wanted = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    int count = run([&] { return SSL_read(ssl_.get(), bytes.data(), wanted); });
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  bool write(std::string_view bytes) override {
    while (!bytes.empty()) {
      int wanted = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
      int count = run([&] { return SSL_write(ssl_.get(), bytes.data(), wanted); });
      if (count <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool wait_for_request(int timeout_ms, const base::Fd& stop_event) override {
    return SSL_pending(ssl_.get()) > 0 || wait_for(socket_.get(), POLLIN, timeout_ms, stop_event);
  }

 private:
  // Closing a socket with bytes that nobody read takes back what was sent last: the reason why the
  // client is refused.
  void let_alert_arrive() {
    ::shutdown(socket_.get(), SHUT_WR);
    std::array<char, 4096> bytes;
    for (int reads = 0; reads < kLastReadsMax; ++reads) {
      if (!wait_for(socket_.get(), POLLIN, kLastWaitMs, *end_event_) ||
          ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) <= 0) {
        return;
      }
    }
  }

  // The call's result once it needs no more waiting.
  template <typename Call>
  int run(Call call) {
    while (true) {
      ERR_clear_error();
      int result = call();
      if (result > 0) {
        return result;
      }
      int why = SSL_get_error(ssl_.get(), result);
      bool waits = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
      short events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      if (!waits || !wait_for(socket_.get(), events, kIdleMs, *end_event_)) {
        return 0;
      }
    }
  }

  base::Fd socket_;
  const base::Fd* end_event_;  // the server's
  Ssl ssl_;                    // destroyed before its socket
};

// openssl.cnf may forbid more.
bool forbid_old_tls(SSL_CTX* context) {
  return SSL_CTX_get_min_proto_version(context) >= TLS1_2_VERSION ||
         SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

}  // namespace

struct TlsServer::State {
  SslContext context;
};

TlsServer::TlsServer(const Files& files) : state_(std::make_unique<State>()) {
#ifdef SLIPWAY_OWN_LIBCRYPTO
  // base/digest.cc has the library begin without the machine's openssl.cnf, which says what TLS may
  // be here. What can't be used of it is left out, as when the library loads it by itself.
  CONF_modules_load_file(nullptr, nullptr,
                         CONF_MFLAGS_DEFAULT_SECTION | CONF_MFLAGS_IGNORE_MISSING_FILE |
                             CONF_MFLAGS_IGNORE_RETURN_CODES);
#endif
  state_->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = state_->context.get();
  bool usable = context != nullptr && forbid_old_tls(context) &&
                SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) == 1 &&
                SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
  if (!usable) {
    base::fail(
        base::ErrorKind::kInput,
        base::cat("can't use the certificate ", files.certificate, " with the key ", files.key),
        "both are PEM files, and the key belongs to the certificate");
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (files.client_ca.empty()) {
    return;
  }
  if (SSL_CTX_load_verify_locations(context, files.client_ca.c_str(), nullptr) != 1) {
    base::fail(base::ErrorKind::kInput,
               base::cat("can't use the authority of clients in ", files.client_ca),
               "it is a PEM file of certificates");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

TlsServer::~TlsServer() = default;

std::unique_ptr<ConnectionStream> make_connection_stream(base::Fd socket, const TlsServer* tls,
                                                         const base::Fd& end_event) {
  if (tls == nullptr) {
    return std::make_unique<PlainStream>(std::move(socket), end_event);
  }
  Ssl ssl(SSL_new(tls->state().context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), socket.get()) != 1) {
    return nullptr;
  }
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(ssl), end_event);
  return stream->accept() ? std::move(stream) : nullptr;
}

}  // namespace slipway::registry
