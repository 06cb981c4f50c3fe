#include "parser/shell_pattern.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

TEST(ShellPattern, PrefixesAreShortOrLong) {
  EXPECT_EQ(remove_prefix("a/b/c", "*/", PatternMatch::kShortest), "b/c");
  EXPECT_EQ(remove_prefix("a/b/c", "*/", PatternMatch::kLongest), "c");
  EXPECT_EQ(remove_prefix("abc", "x", PatternMatch::kLongest), "abc");
  EXPECT_EQ(remove_prefix("abc", "", PatternMatch::kLongest), "abc");
}

TEST(ShellPattern, SuffixesAreMatchedBackwards) {
  EXPECT_EQ(remove_suffix("a.b.c", ".*", PatternMatch::kShortest), "a.b");
  EXPECT_EQ(remove_suffix("a.b.c", ".*", PatternMatch::kLongest), "a");
  EXPECT_EQ(remove_suffix("x**", "\\**", PatternMatch::kLongest), "x");
  EXPECT_EQ(remove_suffix("\xC3\xA9\xC3\xA8", "?", PatternMatch::kShortest), "\xC3\xA9");
}

TEST(ShellPattern, StarsAndQuestionMarksStayOnTheLine) {
  EXPECT_EQ(remove_prefix("a\nb", "*b", PatternMatch::kLongest), "a\nb");
  EXPECT_EQ(remove_prefix("\na", "?", PatternMatch::kShortest), "\na");
  EXPECT_EQ(remove_prefix("a\nb", "*\n*", PatternMatch::kLongest), "");
  EXPECT_EQ(replace_all("ab\nab", "a*", "x"), "x\nx");
}

TEST(ShellPattern, EscapesMeanWhatTheyAreAllowedToMean) {
  EXPECT_EQ(remove_prefix("*}a", "\\*\\}", PatternMatch::kShortest), "a");
  EXPECT_EQ(remove_prefix("/a", "\\/", PatternMatch::kShortest), "a");
  EXPECT_EQ(remove_prefix("\\a", "\\\\", PatternMatch::kShortest), "a");
  EXPECT_EQ(remove_prefix("a", "\\a", PatternMatch::kShortest).error(),
            "invalid pattern (\\a) in substitution: invalid escape '\\a'");
  EXPECT_EQ(remove_suffix("a", "b\\ac", PatternMatch::kShortest).error(),
            "invalid pattern (c\\ab) in substitution: invalid escape '\\a'");
  EXPECT_EQ(remove_prefix("a", "a\\", PatternMatch::kShortest).error(),
            "invalid pattern (a\\) in substitution: invalid escape '\\\xEF\xBF\xBD'");
}

TEST(ShellPattern, ReplacesTheFirstLongestMatch) {
  EXPECT_EQ(replace_first("abcabc", "b?", "-"), "a-abc");
  EXPECT_EQ(replace_first("abcabc", "b*", "-"), "a-");
  EXPECT_EQ(replace_first("abc", "x", "-"), "abc");
  EXPECT_EQ(replace_first("abc", "", "-"), "-abc");
  EXPECT_EQ(replace_first("abc", "b", "$0"), "a$0c");
}

TEST(ShellPattern, ReplacesEveryMatch) {
  EXPECT_EQ(replace_all("aXbXc", "X", "--"), "a--b--c");
  EXPECT_EQ(replace_all("hello", "", "x"), "xhxexlxlxox");
  EXPECT_EQ(replace_all("hello", "*", "z"), "z");
  EXPECT_EQ(replace_all("", "*", "z"), "z");
  EXPECT_EQ(replace_all("aab", "a", ""), "b");
}

TEST(ShellPattern, AReplacementIsATemplateOfGroups) {
  EXPECT_EQ(replace_all("abc", "b", "<$0>"), "a<b>c");
  EXPECT_EQ(replace_all("abc", "b", "<${0}>"), "a<b>c");
  EXPECT_EQ(replace_all("abc", "b", "<$1$name${x}>"), "a<>c");
  EXPECT_EQ(replace_all("abc", "b", "$$0$-${"), "a$0$-${c");
  EXPECT_EQ(replace_all("abc", "b", "$"), "a$c");
}

TEST(ShellPattern, ALaterStartInTheSameLineIsNotTried) {
  EXPECT_EQ(replace_first("aaxa\nab", "a*b", "-"), "aaxa\n-");
  EXPECT_EQ(replace_first("a\na\nb", "a\n*b", "-"), "a\n-");
  EXPECT_EQ(replace_first("xay", "x*z*", "-"), "xay");
}

TEST(ShellPattern, CostIsLimited) {
  std::string value(1 << 20, 'a');
  EXPECT_FALSE(replace_all(value, std::string(5000, 'a'), "x").has_value());
  EXPECT_EQ(replace_all(value, "*b", "x"), value);
}

}  // namespace
}  // namespace slipway::parser
