#include "cmd/progress/terminal_text.h"

#include <gtest/gtest.h>

namespace slipway::cmd {
namespace {

TEST(TerminalText, EscapeSequencesGoAway) {
  EXPECT_EQ(harmless("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(harmless("\x1b[2J\x1b[Hgone"), "gone");
  EXPECT_EQ(harmless("\x1b]0;title\atext"), "text");
  EXPECT_EQ(harmless("\x1b]8;;http://a\x1b\\link"), "link");
  EXPECT_EQ(harmless("end\x1b"), "end");
  EXPECT_EQ(harmless("end\x1b[12"), "end");
}

TEST(TerminalText, OtherControlsAndBadBytesAreShownAsQuestions) {
  EXPECT_EQ(harmless("a\tb\bc\x7F"), "a b?c?");
  EXPECT_EQ(harmless("\xFFx\xC2\x9B"
                     "31m"),
            "?x?31m");
  EXPECT_EQ(harmless("é 漢"), "é 漢");
}

TEST(TerminalText, WideCharactersTakeTwoColumnsAndMarksNone) {
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("漢字"), 4U);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1U);
  EXPECT_EQ(columns_of("😀"), 2U);
}

TEST(TerminalText, WhatIsTooLongEndsInAnEllipsis) {
  EXPECT_EQ(fitted("abcdef", 6), "abcdef");
  EXPECT_EQ(fitted("abcdef", 5), "abcd…");
  EXPECT_EQ(fitted("漢字漢字", 5), "漢字…");
  EXPECT_EQ(fitted("漢字漢字", 4), "漢…");
  EXPECT_EQ(fitted("abc", 1), "…");
  EXPECT_EQ(fitted("abc", 0), "");
}

}  // namespace
}  // namespace slipway::cmd
