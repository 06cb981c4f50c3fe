#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/message.h"

namespace slipway::tests {

struct FakeRequest {
  std::string method;
  std::string target;  // path and query as sent
  registry::Headers headers;
  std::string body;

  std::string path() const { return target.substr(0, target.find('?')); }
  // Decoded; empty where absent.
  std::string query(std::string_view name) const;
  std::string header(std::string_view name) const {
    return std::string(headers.find(name).value_or(""));
  }
  std::string line() const { return method + " " + target; }
};

struct FakeResponse {
  int status = 200;
  registry::Headers headers;
  std::string body;
  // Ways to misbehave.
  std::optional<std::size_t> cut_after;  // closes after so many bytes of the body
  bool hang = false;                     // says nothing until the server is stopped
  bool drop = false;                     // closes without a word
  bool chunked = false;                  // no Content-Length
};

// A plain HTTP/1.1 server on a loopback port of its own, one thread for each connection. It is
// written on sockets so that it can break rules that a library would keep.
class FakeServer {
 public:
  using Answer = std::function<FakeResponse(const FakeRequest&)>;
  // Asked before the body is read; an answer is sent at once and the connection closed.
  using EarlyAnswer = std::function<std::optional<FakeResponse>(const FakeRequest&)>;

  // Both are called from several threads.
  explicit FakeServer(Answer answer, EarlyAnswer early = {});
  ~FakeServer();

  std::uint16_t port() const;
  std::string host() const;                        // "127.0.0.1:port"
  std::string url(std::string_view target) const;  // "http://127.0.0.1:port/…"
  // Every request so far, in the order they came.
  std::vector<FakeRequest> requests() const;
  std::vector<std::string> lines() const;  // "GET /v2/"
  std::size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::tests
