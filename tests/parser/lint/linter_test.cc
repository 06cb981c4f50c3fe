#include "parser/lint/linter.h"

#include <gtest/gtest.h>

#include "parser/lint/report.h"

namespace slipway::parser {
namespace {

constexpr LintRule kPlain = LintRule::kStageNameCasing;
constexpr LintRule kExperimental = LintRule::kInvalidDefinitionDescription;

std::size_t count_reported(const std::string& options, LintRule rule,
                           const std::vector<std::string>& comments = {}) {
  Linter linter(parse_check_options(options).value());
  linter.report(rule, {1, 1}, "x", comments);
  return linter.warnings().size();
}

TEST(Linter, SkipsWhatTheOptionsSay) {
  EXPECT_EQ(count_reported("", kPlain), 1U);
  EXPECT_EQ(count_reported("skip=StageNameCasing", kPlain), 0U);
  EXPECT_EQ(count_reported("skip=FromAsCasing", kPlain), 1U);
  EXPECT_EQ(count_reported("skip=all", kPlain), 0U);
}

TEST(Linter, ExperimentalRulesMustBeAskedFor) {
  EXPECT_EQ(count_reported("", kExperimental), 0U);
  EXPECT_EQ(count_reported("experimental=all;skip=all", kExperimental), 1U);
  EXPECT_EQ(count_reported("experimental=InvalidDefinitionDescription", kExperimental), 1U);
}

TEST(Linter, CommentsAboveAnInstructionAddToTheOptions) {
  EXPECT_EQ(count_reported("", kPlain, {"why", "check=skip=StageNameCasing // because"}), 0U);
  EXPECT_EQ(count_reported("", kPlain, {"check = skip=all"}), 0U);
  EXPECT_EQ(count_reported("skip=all", kPlain, {"check=skip=FromAsCasing"}), 0U);
  EXPECT_EQ(count_reported("", kPlain, {"check=nonsense", "checkers=skip=all"}), 1U);
  EXPECT_EQ(count_reported("", kExperimental, {"check=experimental=all"}), 1U);
}

TEST(Linter, AViolationNamesEachRuleOnce) {
  Linter linter(parse_check_options("error=true").value());
  EXPECT_FALSE(linter.violation().has_value());
  linter.report(LintRule::kUndefinedVar, {4, 5}, "x");
  linter.report(LintRule::kFromAsCasing, {1, 1}, "y");
  linter.report(LintRule::kUndefinedVar, {6, 6}, "z");
  EXPECT_EQ(linter.violation(), (Diagnostic{"lint violation found for rules: FromAsCasing, "
                                            "UndefinedVar",
                                            {4, 5}}));
}

TEST(CheckOptions, SayWhatIsWrong) {
  EXPECT_EQ(parse_check_options("foo=1").error(), "invalid check option \"foo\"");
  EXPECT_EQ(parse_check_options("error=x").error(),
            "failed to parse check option \"error=x\": strconv.ParseBool: parsing \"x\": invalid "
            "syntax");
  EXPECT_EQ(parse_check_options("skip=a;").error(), "invalid check option \"\"");
}

TEST(LintRules, AreInTheOrderOfTheirEnumeration) {
  for (const LintRuleInfo& info : lint_rules()) {
    EXPECT_EQ(&lint_rule_info(info.rule), &info);
    EXPECT_FALSE(info.description.empty());
  }
  EXPECT_EQ(lint_rule_info(LintRule::kInvalidBaseImagePlatform).url(), "");
}

const CheckReport kReport{.file_name = "Dockerfile",
                          .text = "FROM a AS B\nRUN x\n",
                          .warnings = {{kPlain, "Stage name 'B' should be lowercase", {1, 1}}}};

TEST(CheckReport, TextHasPageDetailAndExcerpt) {
  EXPECT_EQ(check_report_text(kReport),
            "Check complete, 1 warning has been found!\n"
            "\n"
            "WARNING: StageNameCasing - "
            "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n"
            "Stage name 'B' should be lowercase\n"
            "Dockerfile:1\n--------------------\n"
            "   1 | >>> FROM a AS B\n   2 |     RUN x\n   3 |     \n--------------------\n");
  EXPECT_EQ(kReport.exit_status(), 1);
  EXPECT_EQ(check_report_text({}), "Check complete, no warnings found.\n");
}

TEST(CheckReport, TheErrorComesLast) {
  CheckReport report = kReport;
  report.warnings.clear();
  report.error = Diagnostic{"what is wrong", {2, 2}};
  EXPECT_EQ(report.exit_status(), 1);
  EXPECT_TRUE(check_report_text(report).contains("\nwhat is wrong\nDockerfile:2\n"));
  EXPECT_TRUE(check_report_json(report).contains("\"buildError\""));
}

TEST(CheckReport, JsonHasRulesPlacesAndSources) {
  std::string json = check_report_json(kReport);
  EXPECT_TRUE(json.contains("\"ruleName\": \"StageNameCasing\"")) << json;
  EXPECT_TRUE(json.contains("\"sourceIndex\": 0")) << json;
  EXPECT_TRUE(json.contains("\"filename\": \"Dockerfile\"")) << json;
  EXPECT_TRUE(json.contains("RlJPTSBhIEFTIEIKUlVOIHgK")) << json;
}

}  // namespace
}  // namespace slipway::parser
