#include "parser/parser.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::vector<std::string> messages(std::string_view text) {
  std::vector<std::string> out;
  for (const Diagnostic& error : parse(text).errors) {
    out.push_back(error.message);
  }
  return out;
}

using Messages = std::vector<std::string>;

TEST(Parse, CollectsTheErrorsOfAllInstructions) {
  EXPECT_EQ(
      messages("FROM a\nFOO x\nRUN y\nWORKDIR\n"),
      (Messages{"dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)",
                "dockerfile parse error on line 4: WORKDIR requires exactly one argument"}));
  EXPECT_EQ(parse("FROM a\nFOO x\nRUN y\n").dockerfile.stages.at(0).instructions.size(), 1U);
}

TEST(Parse, DoesNotBlameWhatFollowsAWrongFrom) {
  EXPECT_EQ(
      messages("FROM\nRUN x\n"),
      (Messages{"dockerfile parse error on line 1: FROM requires either one or three arguments"}));
}

TEST(Parse, LimitsTheNumberOfErrors) {
  std::string text = "FROM a\n";
  for (std::size_t count = 0; count < 2 * kErrorsMax; ++count) {
    text += "FOO\n";
  }
  EXPECT_EQ(parse(text).errors.size(), kErrorsMax);
}

TEST(Parse, SaysWhatAFileLacks) {
  EXPECT_EQ(messages(""), (Messages{"the Dockerfile cannot be empty"}));
  EXPECT_EQ(messages("\n\n"), (Messages{"file with no instructions"}));
  EXPECT_EQ(check_has_stages(parse("ARG a\n").dockerfile).at(0).message,
            "dockerfile contains no stages to build");
  EXPECT_TRUE(check_has_stages(parse("FROM a\n").dockerfile).empty());
}

TEST(Parse, FindsTheLastStageOfAName) {
  ParseResult result = parse("FROM a AS x\nFROM b AS y\nFROM c AS X\nFROM d\n");
  EXPECT_EQ(find_stage(result.dockerfile, "X"), 2U);
  EXPECT_EQ(find_stage(result.dockerfile, "y"), 1U);
  EXPECT_FALSE(find_stage(result.dockerfile, "").has_value());
  EXPECT_FALSE(find_stage(result.dockerfile, "z").has_value());
}

TEST(Parse, InstructionsKnowTheirLine) {
  ParseResult result = parse("# c\nARG a\nFROM a\nRUN x\n");
  const Dockerfile& file = result.dockerfile;
  EXPECT_EQ(file.global_arguments.at(0).line_index, 0U);
  EXPECT_EQ(file.stages.at(0).from.line_index, 1U);
  EXPECT_EQ(base_of(file.stages[0].instructions.at(0)).line_index, 2U);
}

TEST(Trigger, IsOneInstructionAtThePlaceOfItsFrom) {
  auto trigger = parse_trigger("COPY <<E /x\nhi\nE", {3, 4});
  ASSERT_TRUE(trigger.has_value());
  const Copy& copy = std::get<Copy>(*trigger);
  EXPECT_EQ(copy.copy.files.at(0).content, "hi\n");
  EXPECT_EQ(copy.lines, (LineSpan{3, 4}));
}

TEST(Trigger, SaysWhatIsWrong) {
  EXPECT_EQ(parse_trigger("RUN a\nRUN b", {1, 1}).error().message,
            "onbuild trigger should be a single expression");
  EXPECT_EQ(parse_trigger("foo", {7, 7}).error(),
            (Diagnostic{"unknown instruction: foo (did you mean from?)", {7, 7}}));
  EXPECT_EQ(parse_trigger("RUN <<E\n", {1, 1}).error().message, "unterminated heredoc");
  EXPECT_EQ(parse_trigger("", {1, 1}).error().message, "file with no instructions");
  EXPECT_FALSE(parse_trigger("FROM a", {1, 1}).has_value());
}

TEST(Trigger, ReadsBackWhatOnbuildStores) {
  ParseResult result = parse("FROM a\nonBuild  run <<-E cat   \n\tx\n\tE\n");
  const auto& onbuild = std::get<Onbuild>(result.dockerfile.stages.at(0).instructions.at(0));
  EXPECT_EQ(onbuild.trigger, "run <<-E cat   \n\tx\nE");
  auto trigger = parse_trigger(onbuild.trigger, {1, 1});
  EXPECT_EQ(std::get<::slipway::parser::Run>(*trigger).command.files.at(0).content, "\tx\n");
}

TEST(Parse, ManyInstructionsAndStages) {
  std::string text;
  for (int stage = 0; stage < 500; ++stage) {
    text += "FROM a AS s" + std::to_string(stage) + "\n";
    for (int line = 0; line < 19; ++line) {
      text += "COPY --from=s0 --chown=1:2 a b /c/\n";
    }
  }
  ParseResult result = parse(text);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.dockerfile.stages.size(), 500U);
  EXPECT_EQ(result.dockerfile.lines.size(), 10'000U);
}

}  // namespace
}  // namespace slipway::parser
