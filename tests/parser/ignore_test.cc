#include "parser/ignore.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

PatternMatcher matcher_of(const std::vector<std::string>& patterns) {
  return PatternMatcher::compile(patterns).value();
}

TEST(IgnoreFile, PatternsKnowTheirLines) {
  auto patterns = read_ignore_file("\xEF\xBB\xBF# c\n\na\n\n !b/ \r\n#d\nlast");
  EXPECT_EQ(*patterns, (std::vector<IgnorePattern>{{"a", 3}, {"!b", 5}, {"last", 7}}));
}

TEST(IgnoreFile, LongLinesAreRefused) {
  EXPECT_TRUE(read_ignore_file("a\n" + std::string(65535, 'x') + "\nb").has_value());
  EXPECT_EQ(read_ignore_file(std::string(65536, 'x')).error(),
            "failed parsing .dockerignore: bufio.Scanner: token too long");
}

TEST(PatternMatcher, NamesThePatternThatDecided) {
  auto patterns = read_ignore_file("*.txt\n# keep one\n!a.txt\nsecret*\n");
  PatternMatcher matcher = PatternMatcher::compile(*patterns).value();
  auto deciding_line = [&](std::string_view path) {
    auto decision = matcher.match(path);
    return decision.pattern ? matcher.patterns()[*decision.pattern].line : 0;
  };
  EXPECT_EQ(deciding_line("b.txt"), 1);
  EXPECT_EQ(deciding_line("a.txt"), 3);
  EXPECT_EQ(deciding_line("secret.txt"), 1);
  EXPECT_EQ(deciding_line("secret"), 4);
  EXPECT_EQ(deciding_line("other"), 0);
}

TEST(PatternMatcher, AWalkCarriesTheStateOfFolders) {
  PatternMatcher matcher = matcher_of({"*", "!a/b", "a/b/*.log"});
  PatternMatcher::State root;
  PatternMatcher::State a;
  EXPECT_TRUE(matcher.match("a", root, &a).ignored);
  EXPECT_TRUE(matcher.may_hold_exceptions("a"));
  PatternMatcher::State b;
  EXPECT_FALSE(matcher.match("a/b", a, &b).ignored);
  EXPECT_FALSE(matcher.match("a/b/c", b, nullptr).ignored);
  EXPECT_TRUE(matcher.match("a/b/c.log", b, nullptr).ignored);
  EXPECT_TRUE(matcher.match("a/c", a, nullptr).ignored);
}

TEST(PatternMatcher, FoldersWithoutExceptionsNeedNoWalk) {
  PatternMatcher matcher = matcher_of({"**", "!*.md", "!src/*/keep", "!docs/**/x", "!a[bc]/d"});
  EXPECT_FALSE(matcher.may_hold_exceptions("node_modules"));
  EXPECT_TRUE(matcher.may_hold_exceptions("src"));
  EXPECT_TRUE(matcher.may_hold_exceptions("src/any"));
  EXPECT_FALSE(matcher.may_hold_exceptions("src/any/keep"));
  EXPECT_TRUE(matcher.may_hold_exceptions("docs/a/b/c"));
  EXPECT_TRUE(matcher.may_hold_exceptions("ab"));
  EXPECT_FALSE(matcher.may_hold_exceptions("b"));
  EXPECT_TRUE(matcher_of({"**", "!**/x"}).may_hold_exceptions("any/where"));
  EXPECT_FALSE(matcher_of({"**"}).may_hold_exceptions("a"));
}

TEST(PatternMatcher, NothingIsIgnoredWithoutPatterns) {
  EXPECT_FALSE(PatternMatcher().match("a/b").ignored);
  EXPECT_TRUE(matcher_of({"", " "}).empty());
}

TEST(PatternMatcher, TheRootIsNeverIgnored) {
  EXPECT_FALSE(matcher_of({"**"}).match(".").ignored);
  EXPECT_FALSE(matcher_of({"**"}).match("a/..").ignored);
}

TEST(PatternMatcher, NamesThatAreNoUnicodeMatchWildcards) {
  EXPECT_TRUE(matcher_of({"*.o"}).match("\xFF.o").ignored);
  EXPECT_TRUE(matcher_of({"?.o"}).match("\xFF.o").ignored);
}

TEST(PatternMatcher, LiteralEndsDoNotHideMatches) {
  EXPECT_TRUE(matcher_of({"a**/b*"}).match("ab1").ignored);
  EXPECT_TRUE(matcher_of({"?**/b"}).match("xb").ignored);
  EXPECT_TRUE(matcher_of({"^a*"}).match("ab").ignored);
  EXPECT_TRUE(matcher_of({"*\\.o"}).match("x.o").ignored);
  EXPECT_TRUE(matcher_of({"*[.]o"}).match("x.o").ignored);
}

TEST(PatternMatcher, RangesOutOfOrderAreErrors) {
  EXPECT_EQ(PatternMatcher::compile(std::vector<std::string>{"[z-a]"}).error(),
            "syntax error in pattern");
}

TEST(PatternMatcher, ManyPatternsUseManyWords) {
  std::vector<std::string> patterns;
  for (int index = 0; index < 200; ++index) {
    patterns.push_back("dir" + std::to_string(index));
  }
  PatternMatcher matcher = matcher_of(patterns);
  PatternMatcher::State state;
  EXPECT_EQ(matcher.match("dir150", {}, &state).pattern, 150U);
  EXPECT_EQ(matcher.match("dir150/x", state, nullptr).pattern, 150U);
  EXPECT_FALSE(matcher.match("dir", {}, nullptr).ignored);
}

}  // namespace
}  // namespace slipway::parser
