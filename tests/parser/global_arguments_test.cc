#include "parser/global_arguments.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

using BuildArguments = std::map<std::string, std::string, std::less<>>;

std::expected<GlobalArguments, Diagnostic> evaluate(std::string_view text,
                                                    const BuildArguments& given = {}) {
  return evaluate_global_arguments(parse(text).dockerfile, VariableList({"TARGETOS=linux"}), given);
}

TEST(GlobalArguments, DefaultsSeeThoseBefore) {
  auto arguments = evaluate("ARG A=1\nARG B=$A$TARGETOS C=$B A=${A}2\nARG D\n");
  EXPECT_EQ(arguments->values.assignments(),
            (std::vector<std::string>{"TARGETOS=linux", "B=1linux", "C=1linux", "A=12"}));
  EXPECT_EQ(arguments->names(), (std::vector<std::string>{"A", "B", "C", "D", "TARGETOS"}));
}

TEST(GlobalArguments, ABuildArgumentIsTakenAsItIs) {
  auto arguments = evaluate("ARG A=${x:?needed}\n", {{"A", "$v"}, {"other", "x"}});
  EXPECT_EQ(arguments->values.find("A"), "$v");
  EXPECT_FALSE(arguments->values.find("other").has_value());
}

TEST(GlobalArguments, AnErrorHasThePlaceOfItsArg) {
  auto arguments = evaluate("FROM a\n");
  EXPECT_TRUE(arguments.has_value());
  EXPECT_EQ(evaluate("ARG X\nARG A=${x:?needed}\n").error(),
            (Diagnostic{"failed to process \"${x:?needed}\": x: needed", {2, 2}}));
}

TEST(GlobalArguments, ValuesMayNotGrowWithoutLimit) {
  std::string text = "ARG A=0123456789abcdef\n";
  for (int i = 0; i < 16; ++i) {
    text += "ARG A=$A$A\n";
  }
  for (int i = 0; i < 200; ++i) {
    text += "ARG B" + std::to_string(i) + "=$A\n";
  }
  auto arguments = evaluate(text);
  ASSERT_FALSE(arguments.has_value());
  EXPECT_EQ(arguments.error().message, "global arguments expand to more than 128 MiB");
}

TEST(GlobalArguments, KeepWhatAValueWasMadeFrom) {
  auto arguments = evaluate("ARG A=1 B=2\nARG C=$A\nARG C=$C$B\n");
  EXPECT_EQ(arguments->infos.at("C").depends_on, (std::set<std::string>{"A", "B"}));
  EXPECT_EQ(arguments->infos.at("C").lines, (LineSpan{3, 3}));
}

}  // namespace
}  // namespace slipway::parser
