#include "parser/durations.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Durations, AreSumsOfParts) {
  EXPECT_EQ(parse_duration("1m30s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("1.5h"), 5400 * kSecond);
  EXPECT_EQ(parse_duration("-.5s"), -kSecond / 2);
  EXPECT_EQ(parse_duration("+3us"), 3000);
  EXPECT_EQ(parse_duration("3\xC2\xB5s"), 3000);
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_EQ(parse_duration("1.s"), kSecond);
  EXPECT_EQ(parse_duration("9223372036854775807ns"), 9223372036854775807);
  EXPECT_EQ(parse_duration("-9223372036854775808ns"), std::numeric_limits<std::int64_t>::min());
}

TEST(Durations, SayWhatIsWrong) {
  EXPECT_EQ(parse_duration("5").error(), "time: missing unit in duration \"5\"");
  EXPECT_EQ(parse_duration("5x").error(), "time: unknown unit \"x\" in duration \"5x\"");
  for (std::string_view bad : {"", "s", "-", "+", ".s", "1s2", "abc", "9223372036854775808ns",
                               "99999999999999999999s", "9999999999h"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
  EXPECT_EQ(parse_duration("a").error(), "time: invalid duration \"a\"");
}

TEST(Durations, AreWrittenTheUsualWay) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(1), "1ns");
  EXPECT_EQ(format_duration(1500), "1.5\xC2\xB5s");
  EXPECT_EQ(format_duration(1'500'000), "1.5ms");
  EXPECT_EQ(format_duration(5 * kSecond), "5s");
  EXPECT_EQ(format_duration(90 * kSecond), "1m30s");
  EXPECT_EQ(format_duration(3600 * kSecond), "1h0m0s");
  EXPECT_EQ(format_duration(-kSecond / 10), "-100ms");
  EXPECT_EQ(format_duration(std::numeric_limits<std::int64_t>::min()), "-2562047h47m16.854775808s");
}

}  // namespace
}  // namespace slipway::parser
