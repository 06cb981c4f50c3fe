#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/time.h"

namespace slipway::registry {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 5000;   // 0: a free one
  std::string root;  // of the store that has the blobs
  std::shared_ptr<const base::Clock> clock;

  std::string certificate_file;  // PEM; empty: no TLS
  std::string key_file;
  std::string client_ca_file;  // whose certificates clients must show; empty: none
  std::string htpasswd;  // content of the file, bcrypt only; empty: everybody may do everything
  bool read_only = false;

  // Blobs that no manifest names are dropped if they were not used for so long.
  std::int64_t unused_seconds = 24 * 3600;
  std::int64_t collect_every_ms = 10 * 60 * 1000;
  std::int64_t grace_ms = 1'000;
  // Gets a line for each answer: "PUT /v2/app/manifests/v1 201". May be empty. From any thread.
  std::function<void(const std::string& line)> log;
};

// A registry (OCI distribution-spec 1.1) on the blobs of a store: pull, push (single, streamed and
// chunked, resumable), mounts, tags, deletion, referrers, _catalog. What was uploaded and is named
// by nothing is collected while it runs; what a push needs is not.
class RegistryServer {
 public:
  // Listens from here on. kInput for certificates or an htpasswd file that can't be used, kSystem
  // where the port can't be had.
  explicit RegistryServer(ServerOptions options);
  ~RegistryServer();
  RegistryServer(const RegistryServer&) = delete;
  RegistryServer& operator=(const RegistryServer&) = delete;

  int port() const;
  // Serves until a stop is asked for. Requests under way are answered first, but what takes longer
  // than grace_ms is broken off.
  void run(std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::registry
