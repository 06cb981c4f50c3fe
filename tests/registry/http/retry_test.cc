#include "registry/http/retry.h"

#include <csignal>

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/fakes/fake_server.h"
#include "tests/fakes/recorded_pause.h"

namespace slipway::registry {
namespace {

using tests::FakeRequest;
using tests::FakeResponse;
using tests::FakeServer;
using tests::RecordedPause;

TEST(Backoff, DoublesUpToALimitWithALittleMore) {
  RetryPolicy policy{.first_wait_ms = 100, .wait_max_ms = 500};
  EXPECT_EQ(backoff_ms(policy, 1, 0), 100);
  EXPECT_EQ(backoff_ms(policy, 2, 0), 200);
  EXPECT_EQ(backoff_ms(policy, 3, 0), 400);
  EXPECT_EQ(backoff_ms(policy, 4, 0), 500);
  EXPECT_EQ(backoff_ms(policy, 1000, 0), 500);
  EXPECT_EQ(backoff_ms(policy, 4, 0.5), 525);
}

std::optional<std::int64_t> wait_of(std::string value) {
  base::Timestamp now = base::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value();
  return retry_after_ms(Headers{{"retry-after", std::move(value)}}, now);
}

TEST(RetryAfter, SecondsOrADate) {
  EXPECT_EQ(wait_of("3"), 3000);
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:49:47 GMT"), 10'000);
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:49:27 GMT"), std::nullopt);
  EXPECT_EQ(wait_of("-1"), std::nullopt);
  EXPECT_EQ(wait_of("soon"), std::nullopt);
  EXPECT_EQ(wait_of("4000000000"), 1'000'000'000);
  EXPECT_EQ(retry_after_ms(Headers{}, {}), std::nullopt);
}

// Answers with each status in turn, the last one again and again, and tells what came of it:
// "<status> after <waits>".
std::string outcome(std::vector<int> statuses, const std::string& retry_after = "") {
  std::signal(SIGPIPE, SIG_IGN);
  std::atomic<std::size_t> next = 0;
  FakeServer server([&](const FakeRequest&) {
    std::size_t place = std::min<std::size_t>(next++, statuses.size() - 1);
    FakeResponse response{.status = statuses[place]};
    response.drop = response.status == 0;
    if (!retry_after.empty()) {
      response.headers.add("Retry-After", retry_after);
    }
    return response;
  });
  RecordedPause pause;
  base::SystemClock clock;
  auto transport = make_transport({});
  Sender sender(*transport, clock, pause, {.attempts_max = 3, .first_wait_ms = 100}, {});
  Request request{.url = Url::parse(server.url("/")).value()};
  std::string text;
  try {
    text = base::cat(sender.send(request, {}).status);
  } catch (const TransportError&) {
    text = "broken";
  }
  for (std::int64_t wait : pause.waits()) {
    text += base::cat(" ", wait / 100 * 100);
  }
  return text;
}

TEST(Sender, TriesAgainWhatMayPass) {
  EXPECT_EQ(outcome({200}), "200");
  EXPECT_EQ(outcome({503, 200}), "200 100");
  EXPECT_EQ(outcome({429, 500, 200}), "200 100 200");
  EXPECT_EQ(outcome({0, 200}), "200 100");
}

TEST(Sender, GivesUpWithTheLastAnswer) {
  EXPECT_EQ(outcome({503}), "503 100 200");
  EXPECT_EQ(outcome({0}), "broken 100 200");
}

TEST(Sender, OtherRefusalsAreFinal) {
  for (int status : {400, 401, 403, 404, 405, 413, 416, 501}) {
    EXPECT_EQ(outcome({status}), base::cat(status));
  }
}

TEST(Sender, RetryAfterIsHonouredUpToALimit) {
  EXPECT_EQ(outcome({429, 200}, "7"), "200 7000");
  EXPECT_EQ(outcome({429, 200}, "0"), "200 100");
  EXPECT_EQ(outcome({429, 200}, "3600"), "429");
}

TEST(SystemPause, StopEndsTheWait) {
  std::stop_source stopper;
  stopper.request_stop();
  SystemPause pause;
  EXPECT_THROW(pause.wait(60'000, stopper.get_token()), base::Error);
}

}  // namespace
}  // namespace slipway::registry
