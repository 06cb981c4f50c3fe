#include "cmd/output/units.h"

#include <gtest/gtest.h>

namespace slipway::cmd {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;

TEST(Units, SizesAreDecimalWithThreeDigits) {
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(999), "999B");
  EXPECT_EQ(size_text(1000), "1kB");
  EXPECT_EQ(size_text(12'345), "12.3kB");
  EXPECT_EQ(size_text(4'261'574), "4.26MB");
  EXPECT_EQ(size_text(1'050'000'000), "1.05GB");
  EXPECT_EQ(size_text(2'000'000'000'000), "2TB");
}

TEST(Units, PreciseSizesHaveFourDigits) {
  EXPECT_EQ(precise_size_text(1'984'183), "1.984MB");
  EXPECT_EQ(precise_size_text(36'450), "36.45kB");
}

// The borders are those of docker.
TEST(Units, DurationsAreRoundedLikeDockers) {
  EXPECT_EQ(duration_text(0), "Less than a second");
  EXPECT_EQ(duration_text(1), "1 second");
  EXPECT_EQ(duration_text(59), "59 seconds");
  EXPECT_EQ(duration_text(60), "About a minute");
  EXPECT_EQ(duration_text(119), "About a minute");
  EXPECT_EQ(duration_text(120), "2 minutes");
  EXPECT_EQ(duration_text(59 * 60 + 59), "59 minutes");
  EXPECT_EQ(duration_text(kHour), "About an hour");
  EXPECT_EQ(duration_text(kHour + kHour / 2), "2 hours");
  EXPECT_EQ(duration_text(47 * kHour), "47 hours");
  EXPECT_EQ(duration_text(2 * kDay), "2 days");
  EXPECT_EQ(duration_text(13 * kDay), "13 days");
  EXPECT_EQ(duration_text(14 * kDay), "2 weeks");
  EXPECT_EQ(duration_text(60 * kDay), "2 months");
  EXPECT_EQ(duration_text(2 * 365 * kDay), "2 years");
}

TEST(Units, ATimeThatWasNeverSetHasNoAge) {
  EXPECT_EQ(age_text({0, 0}, {1'000'000, 0}), "N/A");
  EXPECT_EQ(age_text({1'000'000, 0}, {1'000'000 + 5 * kHour, 0}), "5 hours ago");
}

TEST(Units, AgesOfTheFutureAreNone) {
  EXPECT_EQ(age_text({2'000'000, 0}, {1'000'000, 0}), "Less than a second ago");
}

TEST(Units, TimesAreShownInUtc) {
  EXPECT_EQ(time_text({1'767'323'045, 123}), "2026-01-02 03:04:05 +0000 UTC");
}

TEST(Units, EllipsisCountsCharactersNotBytes) {
  EXPECT_EQ(ellipsis("abcdef", 6), "abcdef");
  EXPECT_EQ(ellipsis("abcdefg", 6), "abcde…");
  EXPECT_EQ(ellipsis("äöüäöüä", 6), "äöüäö…");
  EXPECT_EQ(character_count("äö…"), 3U);
}

TEST(Units, ShortIdsAreTwelveDigits) {
  EXPECT_EQ(short_id("sha256:0123456789abcdef0123"), "0123456789ab");
  EXPECT_EQ(short_id("0123456789abcdef"), "0123456789ab");
}

}  // namespace
}  // namespace slipway::cmd
