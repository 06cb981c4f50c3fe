#include "registry/http/transport.h"

#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/fakes/fake_server.h"

namespace slipway::registry {
namespace {

using testing::HasSubstr;
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

std::string get_text(Transport& transport, const Request& request) {
  Response response = transport.send(request, {});
  return base::cat(response.status, " ", text_of(response));
}

RequestBody body_of_size(std::uint64_t bytes, bool known) {
  RequestBody body{
      .open = [bytes] { return std::make_unique<base::StringSource>(std::string(bytes, 'x')); }};
  if (known) {
    body.size = bytes;
  }
  return body;
}

TEST(Transport, StreamsABodyThatIsLargerThanEveryBuffer) {
  std::string large;
  while (large.size() < 5'000'000) {
    large += base::cat(large.size(), ",");
  }
  FakeServer server([&](const FakeRequest& request) {
    return FakeResponse{.body = large, .chunked = request.target == "/chunked"};
  });
  auto transport = make_transport(quick());
  EXPECT_EQ(get_text(*transport, request_to(server, "/known")), "200 " + large);
  EXPECT_EQ(get_text(*transport, request_to(server, "/chunked")), "200 " + large);
}

TEST(Transport, HeadersAreFoundWithoutCase) {
  FakeServer server([](const FakeRequest& request) {
    return FakeResponse{.status = 404,
                        .headers = {{"X-Seen", request.header("x-sent")},
                                    {"www-authenticate", "Basic"},
                                    {"WWW-Authenticate", "Bearer"}}};
  });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/");
  request.headers.add("X-Sent", "value");
  Response response = transport->send(request, {});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.find("x-seen"), "value");
  EXPECT_EQ(response.headers.find_all("Www-Authenticate").size(), 2U);
  EXPECT_EQ(server.requests()[0].header("User-Agent").substr(0, 8), "slipway/");
}

TEST(Transport, ConnectionIsUsedAgain) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{.body = "a"}; });
  auto transport = make_transport(quick());
  for (const char* method : {"GET", "HEAD", "POST", "DELETE", "GET"}) {
    get_text(*transport, request_to(server, "/", method));
  }
  EXPECT_EQ(server.requests().size(), 5U);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Transport, UploadsKnownAndUnknownSizes) {
  FakeServer server([](const FakeRequest& request) {
    return FakeResponse{.status = 201, .body = base::cat(request.body.size())};
  });
  auto transport = make_transport(quick());
  for (std::uint64_t size : {0, 1, 70'000, 1'048'576, 3'000'001}) {
    for (bool known : {true, false}) {
      Request request = request_to(server, "/", "PUT");
      request.body = body_of_size(size, known);
      EXPECT_EQ(get_text(*transport, request), base::cat("201 ", size)) << known;
      EXPECT_EQ(server.requests().back().header("Content-Length"),
                known ? base::cat(size) : std::string());
    }
  }
}

TEST(Transport, PostWithoutABodySaysSo) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{.status = 202}; });
  auto transport = make_transport(quick());
  get_text(*transport, request_to(server, "/", "POST"));
  EXPECT_EQ(server.requests()[0].header("Content-Length"), "0");
  EXPECT_EQ(server.requests()[0].header("Expect"), "");
}

TEST(Transport, EarlyAnswerToAnUploadIsNotLost) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{}; },
                    [](const FakeRequest&) -> std::optional<FakeResponse> {
                      return FakeResponse{.status = 413, .body = "too large"};
                    });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/", "PUT");
  request.body = body_of_size(50'000'000, true);
  EXPECT_EQ(get_text(*transport, request), "413 too large");
}

TEST(Transport, BodyOfTheWrongLengthIsNotSent) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{}; });
  auto transport = make_transport(quick());
  for (std::uint64_t claimed : {99U, 101U}) {
    Request request = request_to(server, "/", "PUT");
    request.body = body_of_size(100, false);
    request.body->size = claimed;
    EXPECT_THROW(transport->send(request, {}), base::Error) << claimed;
  }
  EXPECT_TRUE(server.requests().empty());
}

template <typename Body>
std::string transport_error(TransportError::Reason reason, Body body) {
  try {
    body();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kNetwork);
    EXPECT_EQ(error.reason, reason) << error.message();
    return error.message();
  }
  return "no error";
}

TEST(Transport, BrokenBodyIsAnErrorAtItsEnd) {
  FakeServer server([](const FakeRequest&) {
    return FakeResponse{.body = std::string(100, 'a'), .cut_after = 40};
  });
  auto transport = make_transport(quick());
  Response response = transport->send(request_to(server, "/file?secret=1"), {});
  std::string message = transport_error(TransportError::Reason::kOther, [&] { text_of(response); });
  EXPECT_THAT(message, HasSubstr("/file: connection broke after 40 bytes"));
}

TEST(Transport, NobodyListeningIsRefused) {
  std::uint16_t port = FakeServer([](const FakeRequest&) { return FakeResponse{}; }).port();
  auto transport = make_transport(quick());
  Request request{.url = Url::parse(base::cat("http://127.0.0.1:", port, "/")).value()};
  EXPECT_THAT(
      transport_error(TransportError::Reason::kRefused, [&] { transport->send(request, {}); }),
      HasSubstr(base::cat("GET http://127.0.0.1:", port)));
}

TEST(Transport, PlainServerAnswersTlsWithNonsense) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{}; });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/");
  request.url.tls = true;
  transport_error(TransportError::Reason::kNotTls, [&] { transport->send(request, {}); });
}

TEST(Transport, DroppedConnectionIsAnError) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{.drop = true}; });
  auto transport = make_transport(quick());
  transport_error(TransportError::Reason::kOther,
                  [&] { transport->send(request_to(server, "/"), {}); });
}

TEST(Transport, SilenceEndsInATimeout) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{.hang = true}; });
  TransportOptions options = quick();
  options.idle_timeout_ms = 100;
  auto transport = make_transport(options);
  EXPECT_THAT(transport_error(TransportError::Reason::kTimeout,
                              [&] { transport->send(request_to(server, "/"), {}); }),
              HasSubstr("nothing moved for 0.1 seconds"));
}

TEST(Transport, StopInterruptsAWait) {
  std::stop_source stopper;
  FakeServer server([&](const FakeRequest&) {
    stopper.request_stop();
    return FakeResponse{.hang = true};
  });
  auto transport = make_transport(quick());
  try {
    transport->send(request_to(server, "/"), stopper.get_token());
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kCancelled);
  }
}

TEST(Transport, HeaderValuesCantAddHeaders) {
  FakeServer server([](const FakeRequest&) { return FakeResponse{}; });
  auto transport = make_transport(quick());
  Request request = request_to(server, "/");
  request.headers.add("A", "b\r\nC: d");
  EXPECT_THROW(transport->send(request, {}), base::Error);
}

TEST(Transport, EndlessHeadIsRefused) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response;
    for (int i = 0; i < 400; ++i) {
      response.headers.add("X-Padding", std::string(1000, 'a'));
    }
    return response;
  });
  auto transport = make_transport(quick());
  EXPECT_THROW(transport->send(request_to(server, "/"), {}), TransportError);
}

TEST(Transport, ManyThreadsShareIt) {
  FakeServer server([](const FakeRequest& request) {
    return FakeResponse{.body = request.target + std::string(100'000, 'a')};
  });
  auto transport = make_transport(quick());
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        std::string target = base::cat("/", thread, "/", i);
        EXPECT_EQ(get_text(*transport, request_to(server, target)),
                  "200 " + target + std::string(100'000, 'a'));
      }
    });
  }
  threads.clear();
  EXPECT_LE(server.connections(), 60U);
}

}  // namespace
}  // namespace slipway::registry
