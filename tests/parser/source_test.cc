#include "parser/source.h"

#include <gtest/gtest.h>

#include "parser/diagnostic.h"

namespace slipway::parser {
namespace {

constexpr std::string_view kText = "one\ntwo\nthree\nfour\nfive\nsix\n";

TEST(Excerpt, ShowsTwoLinesAroundOne) {
  EXPECT_EQ(render_excerpt("Dockerfile", kText, {3, 3}),
            "Dockerfile:3\n--------------------\n"
            "   1 |     one\n   2 |     two\n   3 | >>> three\n   4 |     four\n   5 |     five\n"
            "--------------------\n");
}

TEST(Excerpt, ShowsOneLineAroundSeveral) {
  EXPECT_EQ(render_excerpt("a/b", kText, {2, 3}),
            "a/b:2\n--------------------\n"
            "   1 |     one\n   2 | >>> two\n   3 | >>> three\n   4 |     four\n"
            "--------------------\n");
}

TEST(Excerpt, CountsTheEmptyRowBehindAFinalNewline) {
  EXPECT_EQ(render_excerpt("f", kText, {6, 6}),
            "f:6\n--------------------\n   4 |     four\n   5 |     five\n   6 | >>> six\n"
            "   7 |     \n--------------------\n");
}

TEST(Excerpt, IsEmptyForAPlaceOutsideTheText) {
  EXPECT_EQ(render_excerpt("f", kText, {0, 0}), "");
  EXPECT_EQ(render_excerpt("f", kText, {8, 9}), "");
}

TEST(Source, ALineThatNoWindowHoldsIsCutBetweenCharacters) {
  std::string text = "RUN " + std::string(1995, 'x') + "\xC3\xA9" + std::string(98, 'y');
  std::string excerpt = render_excerpt("f", text, {1, 1});
  EXPECT_NE(excerpt.find(std::string(1995, 'x') + "... (100 more bytes)\n"), std::string::npos);
}

TEST(Diagnostic, IsTheExcerptAndThenTheMessage) {
  EXPECT_EQ(render_diagnostic("f", "a", {"what is wrong", {1, 1}}),
            "f:1\n--------------------\n   1 | >>> a\n--------------------\nwhat is wrong\n");
}

}  // namespace
}  // namespace slipway::parser
