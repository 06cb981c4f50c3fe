#include "parser/expand.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

const VariableList kVariables({"a=hello", "e=", "two=x y", "bs=\\"});

std::string text_of(std::string_view word, const ExpandOptions& options = {}) {
  auto result = expand(word, kVariables, options);
  return result ? result->text : "error: " + result.error();
}

TEST(Expand, ErrorsNameTheWholeWord) {
  EXPECT_EQ(text_of("x\"${a"),
            "error: failed to process \"x\\\"${a\": unsupported modifier "
            "(\xEF\xBF\xBD) in substitution");
  EXPECT_EQ(text_of("${"), "error: failed to process \"${\": syntax error: missing '}'");
}

TEST(Expand, AnErrorAtTheEndIsAMissingBrace) {
  EXPECT_EQ(text_of("${a:-${b:?}"),
            "error: failed to process \"${a:-${b:?}\": syntax error: missing '}'");
  EXPECT_EQ(text_of("${a:-${b:?}}"),
            "error: failed to process \"${a:-${b:?}}\": b: is not allowed to be unset");
}

TEST(Expand, AnUnknownModifierIsWrittenBackIfTheNameIsUnset) {
  EXPECT_EQ(text_of("${b:=x}", ExpandOptions::step_name('\\')), "${b:=x}");
  EXPECT_EQ(text_of("${b//x/y}", ExpandOptions::step_name('\\')), "${b/x/y}");
}

TEST(Expand, TheSecondCharacterOfAPatternMayComeFromAVariable) {
  EXPECT_EQ(text_of("${a#$unset#*l}"), "o");
}

TEST(Expand, KeepsNamesUsed) {
  auto result = expand("$a${b:-$two}$a", kVariables);
  EXPECT_EQ(result->matched, (std::vector<std::string>{"a", "two"}));
  EXPECT_EQ(result->unmatched, (std::vector<std::string>{"b"}));
}

TEST(Expand, AMarkAtTheStartDoesNotCount) {
  EXPECT_EQ(text_of("\xEF\xBB\xBF$a"), "hello");
}

TEST(Expand, BadBytesBecomeReplacementCharacters) {
  EXPECT_EQ(text_of("x\xFFy"), "x\xEF\xBF\xBDy");
}

TEST(Expand, NestingIsLimited) {
  auto nested = [](int depth) {
    std::string word;
    for (int level = 0; level < depth; ++level) {
      word += "${b:-";
    }
    return word + "x" + std::string(static_cast<std::size_t>(depth), '}');
  };
  EXPECT_EQ(text_of(nested(kExpandDepthMax)), "x");
  EXPECT_TRUE(text_of(nested(kExpandDepthMax + 1)).contains("nested more than"));
  EXPECT_TRUE(text_of(nested(1'000'000)).contains("nested more than"));
}

TEST(Expand, TheResultIsLimited) {
  VariableList variables;
  variables.set("big", std::string(std::size_t{1} << 20, 'x'));
  std::string word;
  for (int count = 0; count < 100; ++count) {
    word += "$big";
  }
  auto result = expand(word, variables);
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().contains("result is larger than"));
  EXPECT_FALSE(expand("\"" + word + "\"", variables).has_value());
}

TEST(Expand, NamesMayIgnoreTheirCase) {
  VariableList variables({"PATH=/bin"});
  EXPECT_EQ(expand("$path", variables, {.ignore_name_case = true})->text, "/bin");
  EXPECT_EQ(expand("$path", variables)->text, "");
}

TEST(Variables, SettingAgainMovesToTheEnd) {
  VariableList variables({"a=1", "b=2", "flag"});
  variables.set("a", "3");
  EXPECT_EQ(variables.assignments(), (std::vector<std::string>{"b=2", "flag=", "a=3"}));
  variables.erase("b");
  EXPECT_EQ(variables.names(), (std::vector<std::string>{"flag", "a"}));
  EXPECT_FALSE(variables.find("b").has_value());
}

}  // namespace
}  // namespace slipway::parser
