#include "parser/signals.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

TEST(Signals, AreNamesOrNumbers) {
  EXPECT_EQ(parse_signal("9"), 9);
  EXPECT_EQ(parse_signal("SIGKILL"), 9);
  EXPECT_EQ(parse_signal("kill"), 9);
  EXPECT_EQ(parse_signal("sigUsr1"), 10);
  EXPECT_EQ(parse_signal("RTMIN"), 34);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
  EXPECT_EQ(parse_signal("rtmax-14"), 50);
  EXPECT_EQ(parse_signal("99"), 99);
}

TEST(Signals, OthersAreNone) {
  for (std::string_view bad : {"", "0", "FOO", "SIG", "SIGSIGKILL", "RTMIN+16", "RTMAX-15",
                               "RTMIN+03", "RTMIN+", "9x", " 9"}) {
    EXPECT_FALSE(parse_signal(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace slipway::parser
