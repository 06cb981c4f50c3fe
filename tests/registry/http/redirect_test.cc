#include "registry/http/redirect.h"

#include <csignal>

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/fakes/fake_server.h"

namespace slipway::registry {
namespace {

using tests::FakeRequest;
using tests::FakeResponse;
using tests::FakeServer;

TransportOptions quick() {
  std::signal(SIGPIPE, SIG_IGN);
  return {.connect_timeout_ms = 5'000, .idle_timeout_ms = 20'000};
}

Request request_to(const FakeServer& server, std::string_view target, std::string method = "GET") {
  return {.method = std::move(method), .url = Url::parse(server.url(target)).value()};
}

std::string text_of(Response& response) {
  return base::read_all(*response.body, 1U << 30, "body");
}

RequestBody body_of_size(std::uint64_t bytes, bool known) {
  RequestBody body{
      .open = [bytes] { return std::make_unique<base::StringSource>(std::string(bytes, 'x')); }};
  if (known) {
    body.size = bytes;
  }
  return body;
}

TEST(Redirect, AuthorizationStaysWithItsOrigin) {
  FakeServer storage([](const FakeRequest&) { return FakeResponse{.body = "bytes"}; });
  FakeServer front([&](const FakeRequest& request) {
    if (request.target == "/here") {
      return FakeResponse{.status = 307, .headers = {{"Location", "there"}}};
    }
    return FakeResponse{.status = 302, .headers = {{"Location", storage.url("/x?sig=1")}}};
  });
  auto transport = make_transport(quick());
  Request request = request_to(front, "/here");
  request.headers.add("Authorization", "Bearer secret");
  request.headers.add("Range", "bytes=5-");
  Response response = send_following(*transport, request, {});
  EXPECT_EQ(text_of(response), "bytes");
  EXPECT_EQ(front.requests()[1].header("Authorization"), "Bearer secret");
  EXPECT_EQ(storage.requests()[0].header("Authorization"), "");
  EXPECT_EQ(storage.requests()[0].header("Range"), "bytes=5-");
}

TEST(Redirect, PutSendsItsBodyAgainOn307Only) {
  FakeServer server([](const FakeRequest& request) {
    if (request.target == "/a") {
      return FakeResponse{.status = 307, .headers = {{"Location", "/b"}}};
    }
    if (request.target == "/c") {
      return FakeResponse{.status = 302, .headers = {{"Location", "/b"}}};
    }
    return FakeResponse{.body = base::cat(request.method, request.body.size())};
  });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/a", "PUT");
  request.body = body_of_size(2'000'000, true);
  Response response = send_following(*transport, request, {});
  EXPECT_EQ(text_of(response), "PUT2000000");
  request = request_to(server, "/c", "PUT");
  EXPECT_EQ(send_following(*transport, request, {}).status, 302);
}

TEST(Redirect, CircleEnds) {
  FakeServer server([](const FakeRequest&) {
    return FakeResponse{.status = 302, .headers = {{"Location", "/again"}}};
  });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/");
  EXPECT_THROW(send_following(*transport, request, {}), base::Error);
  EXPECT_EQ(server.requests().size(), 11U);
}

TEST(Redirect, NeverFromHttpsToHttp) {
  Request request{.url = Url::parse("https://a.example/x").value()};
  Response response{.status = 302, .headers = {{"Location", "http://a.example/x"}}};
  EXPECT_THROW(next_hop(request, response), base::Error);
  response.headers.set("Location", "//b.example/y");
  EXPECT_EQ(next_hop(request, response)->url.text(), "https://b.example/y");
}

}  // namespace
}  // namespace slipway::registry
