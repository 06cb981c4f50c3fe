#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::registry {

// The server's side of TLS: its certificate, and what clients must show. Safe from several threads.
class TlsServer {
 public:
  struct Files {
    std::string certificate;  // PEM
    std::string key;
    std::string client_ca;  // empty: clients show nothing
  };
  // kInput for files that can't be used.
  explicit TlsServer(const Files& files);
  ~TlsServer();
  struct State;
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// A connection that was accepted, with or without TLS. Whatever breaks it (also silence for too
// long, and the end of the server) looks like its end: there is nobody to tell. One thread at a
// time.
class ConnectionStream {
 public:
  virtual ~ConnectionStream() = default;
  // 0 at the end.
  virtual std::size_t read(std::span<char> bytes) = 0;
  // False if not all could be sent.
  virtual bool write(std::string_view bytes) = 0;
  // Whether there is something to read: waits for it, but not beyond a stop.
  virtual bool wait_for_request(int timeout_ms, const base::Fd& stop_event) = 0;
};

// `tls` may be null; it and `end_event` outlive the result. When `end_event` becomes readable, no
// read or write waits any longer. The TLS handshake is made here: null if it fails.
std::unique_ptr<ConnectionStream> make_connection_stream(base::Fd socket, const TlsServer* tls,
                                                         const base::Fd& end_event);

}  // namespace slipway::registry
