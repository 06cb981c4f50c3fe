#include "parser/suggest.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

const std::vector<std::string> kOptions{"chmod", "chown", "from", "link"};

TEST(Suggest, FindsTheNearest) {
  EXPECT_EQ(did_you_mean("chwon", kOptions), " (did you mean chmod?)");
  EXPECT_EQ(find_suggestion("chow", kOptions), "chown");
  EXPECT_EQ(find_suggestion("fro", kOptions), "from");
}

TEST(Suggest, HasNothingToSayTooFarAwayOrForAnExactMatch) {
  EXPECT_EQ(did_you_mean("FROM", kOptions), "");
  EXPECT_EQ(did_you_mean("link", kOptions), "");
  EXPECT_EQ(did_you_mean("", kOptions), "");
  EXPECT_EQ(did_you_mean(std::string(std::size_t{1} << 20, 'x'), kOptions), "");
}

TEST(Suggest, TakesItsCaseFromTheValue) {
  EXPECT_EQ(find_suggestion("FORM", kOptions, SuggestCase::kIgnored), "FROM");
  EXPECT_EQ(find_suggestion("Form", kOptions, SuggestCase::kIgnored), "from");
  EXPECT_EQ(find_suggestion("From", kOptions, SuggestCase::kIgnored), "");
}

TEST(Suggest, CountsCharactersNotBytes) {
  EXPECT_EQ(find_suggestion("l\xC3\xAFnk", kOptions), "link");
}

}  // namespace
}  // namespace slipway::parser
