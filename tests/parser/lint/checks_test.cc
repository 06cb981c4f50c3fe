#include "parser/lint/checks.h"

#include <gtest/gtest.h>

#include "tests/parser/lint/small_planner.h"

namespace slipway::tests {
namespace {

using parser::Linter;

// The warnings of a check of all stages, one line each.
std::string warnings(std::string_view text, const SmallPlan& plan = {}) {
  Linter linter;
  run_checks(text, plan, linter);
  std::string out;
  for (const parser::LintWarning& warning : linter.sorted_warnings()) {
    out += parser::short_text(warning) + "\n";
  }
  return out;
}

TEST(Checks, AnEmptyContinuationIsToldAtTheEndOfItsInstruction) {
  EXPECT_EQ(warnings("FROM scratch\nRUN a \\\n\n  b\n"),
            "NoEmptyContinuation: Empty continuation line (line 4)\n");
}

TEST(Checks, StageNamesShouldBeUnique) {
  EXPECT_EQ(
      warnings("FROM a AS x\nFROM b AS x\n"),
      "DuplicateStageName: Duplicate stage name \"x\", stage names should be unique (line 2)\n");
}

TEST(Checks, WarningsEndAtTheFirstError) {
  EXPECT_EQ(warnings("FROM a AS B\nFOO\nFROM c AS D\nMAINTAINER x\n"),
            "StageNameCasing: Stage name 'B' should be lowercase (line 1)\n");
  EXPECT_EQ(warnings("FROM a AS B\nENV x\n"), "");
}

TEST(Checks, AWrongFromIsStillLookedAt) {
  EXPECT_EQ(warnings("FROM a as B/c\n"),
            "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\n"
            "StageNameCasing: Stage name 'B/c' should be lowercase (line 1)\n");
}

TEST(Checks, MixedCaseInstructionsCountForNeither) {
  EXPECT_EQ(warnings("from scratch\nRun x\nCOPY a b\n"),
            "ConsistentInstructionCasing: Command 'from' should match the case of the command "
            "majority (uppercase) (line 1)\n"
            "ConsistentInstructionCasing: Command 'Run' should match the case of the command "
            "majority (uppercase) (line 2)\n");
}

TEST(Checks, SecretsAreWordsBetweenUnderscores) {
  EXPECT_EQ(warnings("FROM scratch\nENV MONKEY=a KEYBOARD=b secret_version=c\n"), "");
  EXPECT_EQ(warnings("FROM scratch\nARG db_pword\n"),
            "SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "
            "\"db_pword\") (line 2)\n");
}

TEST(Checks, RemoteSourcesAreNotIgnored) {
  SmallPlan plan{.ignore_file = "**\n"};
  EXPECT_EQ(warnings("FROM scratch\nADD https://h/a git@h:a.git /x/\n", plan), "");
  EXPECT_EQ(warnings("FROM scratch AS a\nFROM scratch\nCOPY --from=a x /x\n", plan), "");
  EXPECT_EQ(warnings("FROM scratch\nADD /x/../y /x/\n", plan),
            "CopyIgnoredFile: Attempting to Add file \"/y\" that is excluded by .dockerignore "
            "(line 2)\n");
}

TEST(Checks, TheRootIsIgnoredOnlyByEverything) {
  EXPECT_EQ(warnings("FROM scratch\nCOPY . /x\n", {.ignore_file = "a\n"}), "");
  EXPECT_NE(warnings("FROM scratch\nCOPY / /x\n", {.ignore_file = "**/*\n"}), "");
}

TEST(Checks, ABaseImageWithAShellNeedsNoJson) {
  parser::StageChecks checks(parser::StageChecks::BaseShell::kPresent);
  parser::ParseResult result = parser::parse("FROM a\nCMD x\n");
  Linter linter;
  checks.check(result.dockerfile.stages[0].instructions[0], {}, linter);
  EXPECT_TRUE(linter.warnings().empty());
}

TEST(Checks, APulledPlatformIsNamed) {
  Linter linter;
  parser::check_pulled_platform(parser::From{}, "img", "linux/arm64", "linux/amd64", linter);
  EXPECT_EQ(linter.warnings().at(0).detail,
            "Base image img was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for "
            "current build");
}

}  // namespace
}  // namespace slipway::tests
