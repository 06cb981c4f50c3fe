// The cases of kind "lint" of the corpus: what a check of all stages and what a build warn about,
// and the error that ends them.

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/text.h"
#include "parser/ignore.h"
#include "plan_check.h"
#include "tests/support/corpora.h"

namespace slipway::builder {
namespace {

using base::cat;
using nlohmann::json;

std::string warning_text(const parser::LintWarning& warning) {
  const parser::LintRuleInfo& rule = parser::lint_rule_info(warning.rule);
  return cat(warning.lines.first, " ", rule.name, "|", rule.description, "|", rule.url(), "|",
             warning.detail, "\n");
}

// A member that is absent or null is empty.
std::string text_of(const json& object, const char* member) {
  auto found = object.find(member);
  return found == object.end() || found->is_null() ? std::string() : found->get<std::string>();
}

// One line each, in one order: the corpus has warnings of one line in any.
std::string joined(std::vector<std::string> warnings) {
  std::sort(warnings.begin(), warnings.end());
  return base::join(warnings, "");
}

std::string expected_text(const json& warnings) {
  std::vector<std::string> texts;
  for (const json& warning : warnings) {
    texts.push_back(cat(warning.at("line").get<int>(), " ", text_of(warning, "rule"), "|",
                        text_of(warning, "description"), "|", text_of(warning, "url"), "|",
                        text_of(warning, "detail"), "\n"));
  }
  return joined(std::move(texts));
}

std::string without_lines(const std::string& warnings) {
  std::vector<std::string> texts;
  for (std::string_view warning : base::split(warnings, '\n')) {
    texts.emplace_back(warning.substr(std::min(warning.find(' '), warning.size())));
  }
  return joined(std::move(texts));
}

// What a plan of one case gave.
struct Outcome {
  std::string warnings;
  std::string error;
  std::vector<SourceLines> lines;
};

enum class Mode { kBuild, kCheck };

Outcome run_case(const json& test, Mode mode) {
  PlanCheck check;
  check.resolver.add("busybox:stable-musl", {});
  parser::PatternMatcher ignore;
  if (test.contains("opts")) {
    for (const auto& [option, value] : test["opts"].items()) {
      EXPECT_TRUE(option == "build_args" || option == "target") << "unknown option " << option;
    }
    json build_args = test["opts"].value("build_args", json::object());
    for (const auto& [name, value] : build_args.items()) {
      check.options.build_args[name] = value.get<std::string>();
    }
    check.options.target = test["opts"].value("target", "");
  }
  if (test.contains("context") && test["context"].contains(".dockerignore")) {
    auto patterns = parser::read_ignore_file(test["context"][".dockerignore"].get<std::string>());
    ignore = *parser::PatternMatcher::compile(*patterns);
    check.options.ignore = &ignore;
  }
  check.options.all_stages = mode == Mode::kCheck && check.options.target.empty();
  PlanOutcome plan =
      make_plan(test.at("dockerfile").get<std::string>(), check.options, check.resolver);
  Outcome outcome;
  std::vector<parser::LintWarning> warnings = plan ? plan->warnings : plan.error().warnings;
  std::vector<std::string> texts;
  for (const parser::LintWarning& warning : warnings) {
    texts.push_back(warning_text(warning));
  }
  outcome.warnings = joined(std::move(texts));
  if (!plan) {
    outcome.error = plan.error().message;
    outcome.lines = plan.error().lines;
  }
  return outcome;
}

// A missing file is found by carrying the plan out.
bool is_execution_error(const json& test) {
  return text_of(test, "build_error_regexp").find("failed to compute cache key") !=
         std::string::npos;
}

void check_error(const json& test, const Outcome& outcome, const std::string& name) {
  if (is_execution_error(test)) {
    EXPECT_EQ(outcome.error, "") << name;
    return;
  }
  if (test.contains("build_error_regexp")) {
    EXPECT_TRUE(RE2::PartialMatch(outcome.error, test["build_error_regexp"].get<std::string>()))
        << name << ": " << outcome.error;
  } else {
    EXPECT_EQ(outcome.error, text_of(test, "build_error")) << name;
  }
  if (test.contains("build_error_line")) {
    ASSERT_EQ(outcome.lines.size(), 1U) << name;
    EXPECT_EQ(outcome.lines[0].first, test["build_error_line"].get<int>()) << name;
  }
}

TEST(PlanLintCorpus, EveryCase) {
  std::string why;
  auto path = tests::find_corpus_file("lint.json", why);
  if (!path) {
    GTEST_SKIP() << why;
  }
  json file = json::parse(tests::read_text_file(*path));
  int count = 0;
  for (const json& test : file.at("cases")) {
    if (test.value("kind", "") != "lint") {
      continue;
    }
    ++count;
    std::string name =
        cat(test.at("source").get<std::string>(), "\n", test.at("dockerfile").get<std::string>());
    Outcome build = run_case(test, Mode::kBuild);
    EXPECT_EQ(build.warnings, expected_text(test.at("warnings"))) << name;
    check_error(test, build, name);
    Outcome check = run_case(test, Mode::kCheck);
    if (test.contains("check_warnings")) {
      // Their lines are those of a text without its first rows.
      EXPECT_EQ(without_lines(check.warnings), without_lines(expected_text(test["check_warnings"])))
          << "check of " << name;
    } else {
      EXPECT_EQ(check.warnings, build.warnings) << "check of " << name;
    }
  }
  std::cout << "lint cases: " << count << "\n";
  RecordProperty("cases", count);
}

}  // namespace
}  // namespace slipway::builder
