#include "parser/json_text.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

// "not JSON", "not strings", or the words between bars.
std::string read(std::string_view text) {
  auto found = parse_json_strings(text);
  if (!found) {
    return "not JSON";
  }
  if (!found->all_strings) {
    return "not strings";
  }
  std::string out = "|";
  for (const Word& word : found->words) {
    out += word.text + "|";
  }
  return out;
}

TEST(JsonText, ReadsArraysOfStrings) {
  EXPECT_EQ(read("[]"), "|");
  EXPECT_EQ(read(" [ \"a\" ,\t\"b c\" ] "), "|a|b c|");
  EXPECT_EQ(read(R"(["\"\\\/\b\f\n\r\t\u0041"])"), "|\"\\/\b\f\n\r\tA|");
}

TEST(JsonText, KnowsWhereStringsStand) {
  auto found = parse_json_strings("[\"a\", \"b\"]", 4);
  ASSERT_EQ(found->words.size(), 2U);
  EXPECT_EQ(found->words[0].offset, 5U);
  EXPECT_EQ(found->words[1].offset, 10U);
}

TEST(JsonText, TellsOtherElementsFromBadText) {
  for (std::string_view text : {"[1]", "[-0.5e+3]", "[true]", "[null]", "[{}]", "[[]]",
                                R"(["a", {"b": [1, {"c": null}]}])", "[\"a\", false]"}) {
    EXPECT_EQ(read(text), "not strings") << text;
  }
  for (std::string_view text : {"[",
                                "]",
                                "[\"a\"",
                                "[\"a\",]",
                                "[\"a\" \"b\"]",
                                "['a']",
                                "[\"a\"]x",
                                "[\"\\x\"]",
                                "[\"\\u12\"]",
                                "[01]",
                                "[1.]",
                                "[.5]",
                                "[+1]",
                                "[tru]",
                                "[{\"a\"}]",
                                "[{1:2}]",
                                "[\"a\n\"]",
                                "[{\"a\":1,}]",
                                "[[}]",
                                "[1e999]",
                                "\"a\"",
                                "{}",
                                ""}) {
    EXPECT_EQ(read(text), "not JSON") << text;
  }
}

TEST(JsonText, ReplacesWhatIsNoUnicode) {
  EXPECT_EQ(read("[\"a\xFF\"]"), "|a\xEF\xBF\xBD|");
  EXPECT_EQ(read(R"(["\ud800"])"), "|\xEF\xBF\xBD|");
  EXPECT_EQ(read(R"(["\ud800\u0041"])"),
            "|\xEF\xBF\xBD"
            "A|");
  EXPECT_EQ(read(R"(["\ud83d\ude00"])"), "|\xF0\x9F\x98\x80|");
}

TEST(JsonText, LimitsNestingWithoutRecursion) {
  std::string deep(9998, '[');
  EXPECT_EQ(read("[" + deep + std::string(9998, ']') + "]"), "not strings");
  // Ten thousand with the outermost; one more is no JSON, and so text for the shell.
  EXPECT_EQ(read(std::string(10000, '[') + std::string(10000, ']')), "not strings");
  EXPECT_EQ(read(std::string(10001, '[') + std::string(10001, ']')), "not JSON");
  std::string deeper(1'000'000, '[');
  EXPECT_EQ(read("[" + deeper + std::string(1'000'000, ']') + "]"), "not JSON");
}

}  // namespace
}  // namespace slipway::parser
