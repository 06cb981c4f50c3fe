#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/client.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/recorded_pause.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::registry {

// The same credential for every host.
class SameCredential : public CredentialSource {
 public:
  explicit SameCredential(Credential credential) : credential_(std::move(credential)) {}
  std::optional<Credential> find(std::string_view, std::string_view, std::stop_token) override {
    return credential_;
  }

 private:
  Credential credential_;
};

// A client of the real transport whose waits take no time.
struct TestClient {
  explicit TestClient(std::optional<Credential> credential = {}, ClientOptions options = {})
      : transport(make_transport({.connect_timeout_ms = 5'000, .idle_timeout_ms = 20'000})) {
    std::signal(SIGPIPE, SIG_IGN);
    if (credential) {
      credentials = std::make_unique<SameCredential>(*credential);
    } else {
      credentials = std::make_unique<NoCredentials>();
    }
    options.retry.attempts_max = 3;
    options.observer = [this](const TransferEvent& event) { events.lock()->push_back(event); };
    client = std::make_unique<Client>(ClientServices{.transport = transport.get(),
                                                     .credentials = credentials.get(),
                                                     .clock = &clock,
                                                     .pause = &pause},
                                      std::move(options));
  }
  Client* operator->() const { return client.get(); }
  Client& operator*() const { return *client; }

  std::unique_ptr<Transport> transport;
  std::unique_ptr<CredentialSource> credentials;
  tests::SteppedClock clock;
  tests::RecordedPause pause;
  base::Guarded<std::vector<TransferEvent>> events;
  std::unique_ptr<Client> client;
};

inline Credential user() {
  return {.username = "user", .password = Secret("password")};
}

// What an Error says in full: message, notes and hint; "no error" if none comes.
template <typename Body>
std::string error_of(base::ErrorKind kind, Body body) {
  try {
    body();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind) << base::describe(error);
    return base::cat(base::describe(error), "\n", error.hint());
  }
  ADD_FAILURE() << "no error";
  return "no error";
}

}  // namespace slipway::registry
