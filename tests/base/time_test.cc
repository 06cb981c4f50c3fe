#include "base/time.h"

#include <gtest/gtest.h>

namespace slipway::base {
namespace {

TEST(Time, Rfc3339RoundTrips) {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2026-02-28T23:59:59.000000001Z", "2024-02-29T12:00:00.5Z",
        "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
    auto time = parse_rfc3339(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(format_rfc3339(*time), text);
  }
}

TEST(Time, Rfc3339TakesOffsetsAndRefusesNonsense) {
  EXPECT_EQ(parse_rfc3339("2026-01-01T02:00:00+02:00"), parse_rfc3339("2026-01-01T00:00:00Z"));
  for (const char* text :
       {"", "2026-01-01", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(Time, HttpDates) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")->seconds, 784111777);
  EXPECT_EQ(format_http_date({784111777, 0}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_FALSE(parse_http_date("06 Nov 1994").has_value());
}

}  // namespace
}  // namespace slipway::base
