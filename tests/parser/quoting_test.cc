#include "parser/quoting.h"

#include <vector>

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

TEST(Quoting, EscapesWhatCantBeSeen) {
  EXPECT_EQ(quote_text("a\"\\\a\b\f\n\r\t\v"), R"("a\"\\\a\b\f\n\r\t\v")");
  EXPECT_EQ(quote_text(std::string_view("\0\x1F\x7F", 3)), R"("\x00\x1f\x7f")");
  EXPECT_EQ(quote_text("\xFF"), R"("\xff")");
  EXPECT_EQ(quote_text("\xC2\x80\xE2\x80\x8B"), R"("\u0080\u200b")");
  EXPECT_EQ(quote_text("\xF3\xA0\x80\x81"), R"("\U000e0001")");
}

TEST(Quoting, LeavesWhatCanBeSeen) {
  EXPECT_EQ(quote_text("\xC3\xA9 \xE2\x99\xA5 \xF0\x9F\x98\x80 \xEF\xBF\xBD"),
            "\"\xC3\xA9 \xE2\x99\xA5 \xF0\x9F\x98\x80 \xEF\xBF\xBD\"");
}

TEST(Quoting, ListsAreSeparatedBySpaces) {
  std::vector<std::string> texts{"a b", "c"};
  EXPECT_EQ(quote_list(texts), "[\"a b\" \"c\"]");
  EXPECT_EQ(bracket_list(texts), "[a b c]");
  EXPECT_EQ(quote_list({}), "[]");
}

}  // namespace
}  // namespace slipway::parser
