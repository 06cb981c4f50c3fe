#include "parser/directives.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

DirectiveReader::Outcome read_one(std::string_view line) {
  return DirectiveReader().read(line, 1);
}

TEST(Directives, TakeSpacesAndAnyCase) {
  DirectiveReader reader;
  EXPECT_EQ(reader.read("#\t Syntax  =  a b  ", 7), DirectiveReader::Outcome::kDirective);
  EXPECT_EQ(reader.last(), (Directive{"syntax", "a b", 7}));
}

TEST(Directives, EndForGoodAtTheFirstOtherLine) {
  for (std::string_view other : {"", "RUN x", "# a comment", "# unknown=x", "#", "# syntax", "# =x",
                                 "#syntax=", "#syntax= ", "# 1a=b", "# syn tax=b"}) {
    DirectiveReader reader;
    EXPECT_EQ(reader.read(other, 1), DirectiveReader::Outcome::kNotADirective) << other;
    EXPECT_EQ(reader.read("# syntax=x", 2), DirectiveReader::Outcome::kNotADirective) << other;
  }
}

TEST(Directives, TellARepeatedOne) {
  DirectiveReader reader;
  EXPECT_EQ(reader.read("# check=a", 1), DirectiveReader::Outcome::kDirective);
  EXPECT_EQ(reader.read("# escape=a", 2), DirectiveReader::Outcome::kDirective);
  EXPECT_EQ(reader.read("# CHECK=b", 3), DirectiveReader::Outcome::kRepeated);
  EXPECT_EQ(reader.last().name, "check");
}

TEST(Directives, AnIndentedLineIsNoneToTheReader) {
  EXPECT_EQ(read_one(" # syntax=x"), DirectiveReader::Outcome::kNotADirective);
}

TEST(Directives, SyntaxIsFoundInJsonBehindAnyWhiteSpace) {
  EXPECT_EQ(find_syntax("\xEF\xBB\xBF \n{\"syntax\":\"a\\u0062 c\"}")->reference, "ab c");
  EXPECT_FALSE(find_syntax("{\"syntax\":\"a\"").has_value());
  EXPECT_FALSE(find_syntax(std::string(100'000, '{')).has_value());
}

TEST(Directives, CheckIsNotLookedForInOtherForms) {
  EXPECT_FALSE(find_check("// check=skip=all").has_value());
  EXPECT_EQ(find_check("#!/x\n# check=skip=all\r\n"), (Directive{"check", "skip=all", 2}));
}

}  // namespace
}  // namespace slipway::parser
