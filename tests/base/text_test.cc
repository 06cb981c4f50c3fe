#include "base/text.h"

#include <gtest/gtest.h>

namespace slipway::base {
namespace {

TEST(Text, CatJoinsStringsCharactersAndNumbers) {
  EXPECT_EQ(cat("layer ", 3, '/', std::string("x"), ' ', -7LL), "layer 3/x -7");
}

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("a,b,,c", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ',').size(), 1U);
}

TEST(Text, SplitOnceTakesTheFirstSeparator) {
  auto pair = split_once("k=v=w", '=');
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(pair->before, "k");
  EXPECT_EQ(pair->after, "v=w");
  EXPECT_FALSE(split_once("k", '=').has_value());
}

TEST(Text, ParseIntegerWantsTheWholeText) {
  EXPECT_EQ(parse_integer<int>("42"), 42);
  EXPECT_EQ(parse_integer<int>("0755", 8), 0755);
  EXPECT_FALSE(parse_integer<int>("42 ").has_value());
  EXPECT_FALSE(parse_integer<int>("").has_value());
  EXPECT_FALSE(parse_integer<std::uint8_t>("256").has_value());
  EXPECT_FALSE(parse_integer<unsigned>("-1").has_value());
}

TEST(Text, HexAndBase64RoundTripAndRefuseOtherCharacters) {
  std::string bytes("\x00\xff\x10 ab", 6);
  EXPECT_EQ(to_hex(bytes), "00ff10206162");
  EXPECT_EQ(from_hex("00FF10206162"), bytes);
  EXPECT_FALSE(from_hex("0").has_value());
  EXPECT_FALSE(from_hex("0g").has_value());
  EXPECT_EQ(to_base64("bob:secret"), "Ym9iOnNlY3JldA==");
  for (std::string text : {"", "a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(from_base64(to_base64(text)), text);
  }
  EXPECT_EQ(from_base64("YQ"), "a");
  EXPECT_FALSE(from_base64("Y!==").has_value());
}

TEST(Text, QuoteEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(quote("a\"b\\\n\x1b"), "\"a\\\"b\\\\\\n\\x1b\"");
}

}  // namespace
}  // namespace slipway::base
