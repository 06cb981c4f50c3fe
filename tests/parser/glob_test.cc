#include "parser/glob.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

bool matches(std::string_view pattern, std::string_view name) {
  return match_glob(pattern, name).value();
}

TEST(Glob, StarsStayWithinANameAndTwoAreOne) {
  EXPECT_TRUE(matches("a*c", "abbc"));
  EXPECT_TRUE(matches("*", ".hidden"));
  EXPECT_FALSE(matches("*", "a/b"));
  EXPECT_TRUE(matches("a/**/c", "a/b/c"));
  EXPECT_FALSE(matches("a/**/c", "a/b/b/c"));
  EXPECT_FALSE(matches("a/**/c", "a/c"));
  EXPECT_TRUE(matches("*a*b*", "xaybz"));
  EXPECT_TRUE(matches("*ab", "abab"));
}

TEST(Glob, QuestionMarksAndClassesTakeOneCharacter) {
  EXPECT_TRUE(matches("a?c",
                      "a\xC3\xA9"
                      "c"));
  EXPECT_FALSE(matches("a?c", "a/c"));
  EXPECT_TRUE(matches("[a-c]", "b"));
  EXPECT_TRUE(matches("[^a-c]", "d"));
  EXPECT_TRUE(matches("[!a]", "!"));
  EXPECT_TRUE(matches("arr[[]0].txt", "arr[0].txt"));
  EXPECT_TRUE(matches("[\\]]", "]"));
  EXPECT_FALSE(matches("[z-a]", "b"));
}

TEST(Glob, BackslashesEscape) {
  EXPECT_TRUE(matches("a\\*b", "a*b"));
  EXPECT_FALSE(matches("a\\*b", "axb"));
}

TEST(Glob, MalformedPatternsAreErrorsWhateverTheName) {
  for (std::string_view bad : {"[", "[]a]", "[-x]", "[x-]", "a\\", "[a", "[^", "[a-", "[\\"}) {
    EXPECT_EQ(match_glob(bad, "zzz").error(), "syntax error in pattern") << bad;
    EXPECT_FALSE(is_valid_glob(bad)) << bad;
  }
}

TEST(Glob, WildcardsCountUnlessEscaped) {
  EXPECT_TRUE(has_wildcard("a[b"));
  EXPECT_TRUE(has_wildcard("a?"));
  EXPECT_FALSE(has_wildcard("a\\*\\?\\["));
  EXPECT_FALSE(has_wildcard("a]"));
}

TEST(Glob, TimeIsBounded) {
  std::string pattern;
  for (int count = 0; count < 1000; ++count) {
    pattern += "a*";
  }
  EXPECT_FALSE(matches(pattern + "b", std::string(60'000, 'a')));
}

TEST(Paths, AreCleanedByText) {
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("a//b/./c/.."), "a/b");
  EXPECT_EQ(clean_path("/../a/"), "/a");
  EXPECT_EQ(clean_path("a/../../b"), "../b");
  EXPECT_EQ(clean_path("../.."), "../..");
  EXPECT_EQ(clean_path("//"), "/");
  EXPECT_EQ(clean_path("./"), ".");
}

}  // namespace
}  // namespace slipway::parser
