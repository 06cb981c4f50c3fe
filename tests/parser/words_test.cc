#include "parser/words.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::string joined(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) {
    out += "<" + word.text + "@" + std::to_string(word.offset) + ">";
  }
  return out;
}

TEST(Words, SeparatorsSplitAndOffsetsCountFromTheBase) {
  EXPECT_EQ(joined(split_separators("a \t\v\f\rb c", 10)), "<a@10><b@16><c@18>");
  EXPECT_EQ(joined(split_separators("a\xC2\xA0"
                                    "b")),
            "<a\xC2\xA0"
            "b@0>");
}

TEST(Words, QuotesAndEscapesHoldWordsTogetherAndStay) {
  EXPECT_EQ(joined(split_quoted(R"(a\ b 'c d' "e\" f" g'h i'j)", '\\')),
            R"(<a\ b@0><'c d'@5><"e\" f"@11><g'h i'j@19>)");
}

TEST(Words, SingleQuotesKnowNoEscapes) {
  EXPECT_EQ(joined(split_quoted(R"('a\' b)", '\\')), R"(<'a\'@0><b@5>)");
}

TEST(Words, AnEmptyQuotedStringIsAWord) {
  EXPECT_EQ(joined(split_quoted(R"("" '')", '\\')), R"(<""@0><''@3>)");
}

TEST(Words, AnEscapeAtTheEndIsDropped) {
  EXPECT_EQ(joined(split_quoted("a=\\", '\\')), "<a=@0>");
  EXPECT_EQ(joined(split_quoted("\\", '\\')), "");
}

TEST(Words, AnOpenQuoteRunsToTheEnd) {
  EXPECT_EQ(joined(split_quoted("'a b", '\\')), "<'a b@0>");
}

TEST(Words, UnicodeSpacesSeparateQuotedWords) {
  EXPECT_EQ(joined(split_quoted("a\xE3\x80\x80"
                                "b",
                                '\\')),
            "<a@0><b@4>");
}

TEST(Csv, QuotesHoldCommasAndQuotes) {
  EXPECT_EQ(split_csv(R"(a,"b,c","d""e",)"), (std::vector<std::string>{"a", "b,c", "d\"e", ""}));
}

TEST(Csv, SaysWhereAQuoteIsWrong) {
  EXPECT_EQ(split_csv("").error(), "EOF");
  EXPECT_EQ(split_csv("ab\"c").error(),
            "parse error on line 1, column 3: bare \" in non-quoted-field");
  EXPECT_EQ(split_csv("\"a\"b").error(),
            "parse error on line 1, column 3: extraneous or missing \" in quoted-field");
  EXPECT_EQ(split_csv("a,\"b").error(),
            "parse error on line 1, column 5: extraneous or missing \" in quoted-field");
}

}  // namespace
}  // namespace slipway::parser
