#include <algorithm>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "parser/directives.h"
#include "parser/lint/linter.h"
#include "parser/parser.h"
#include "tests/parser/lint/small_planner.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;

json warnings_json(const parser::Linter& linter) {
  json out = json::array();
  for (const parser::LintWarning& warning : linter.sorted_warnings()) {
    const parser::LintRuleInfo& info = parser::lint_rule_info(warning.rule);
    json one = {{"rule", std::string(info.name)},
                {"description", std::string(info.description)},
                {"detail", warning.detail},
                {"line", warning.lines.first},
                {"level", 1}};
    if (std::string url = info.url(); !url.empty()) {
      one["url"] = url;
    }
    out.push_back(one);
  }
  return out;
}

// What the message must be, where parsing or the linter itself makes it. Errors of platforms,
// images and copying are the business of others.
std::optional<std::string> check_error(const json& one,
                                       const std::optional<parser::Diagnostic>& error) {
  if (!error) {
    return one.contains("build_error") ? std::optional(std::string("expected an error"))
                                       : std::nullopt;
  }
  if (!one.contains("build_error")) {
    return "unexpected error: " + error->message;
  }
  if (one.contains("build_error_line") && one["build_error_line"] != error->lines.first) {
    return "error at line " + std::to_string(error->lines.first);
  }
  std::string expected = one["build_error"];
  return expected.starts_with(error->message)
             ? std::nullopt
             : std::optional("expected error " + expected + ", got " + error->message);
}

enum class Lines { kCompared, kNotCompared };

// Warnings of one line come in any order. A base image of another platform is known to those who
// pull it.
json comparable(const json& warnings, Lines lines) {
  std::vector<json> sorted;
  for (json warning : warnings) {
    if (lines == Lines::kNotCompared) {
      warning.erase("line");
    }
    if (warning.at("rule") != "InvalidBaseImagePlatform") {
      sorted.push_back(std::move(warning));
    }
  }
  std::ranges::sort(sorted);
  return sorted;
}

std::optional<std::string> check_lint(const json& one) {
  SmallPlan plan;
  const json options = one.value("opts", json::object());
  for (const auto& [option, value] : options.items()) {
    if (option != "build_args" && option != "target") {
      return "unknown option " + option;
    }
  }
  plan.target = options.value("target", "");
  const json build_arguments = options.value("build_args", json::object());
  for (const auto& [name, value] : build_arguments.items()) {
    plan.build_arguments[name] = value.get<std::string>();
  }
  const json context = one.value("context", json::object());
  if (context.contains(".dockerignore")) {
    plan.ignore_file = context.at(".dockerignore").get<std::string>();
  }
  std::string text = one.at("dockerfile");
  std::string check_text;
  if (auto directive = parser::find_check(text)) {
    check_text = directive->value;
  }
  if (auto given = plan.build_arguments.find("BUILDKIT_DOCKERFILE_CHECK");
      given != plan.build_arguments.end()) {
    check_text = given->second;
  }
  auto check_options = parser::parse_check_options(check_text);
  if (!check_options) {
    return "unexpected error: " + check_options.error();
  }
  for (auto [key, stages] : {std::pair("warnings", SmallPlan::Stages::kReachable),
                             std::pair("check_warnings", SmallPlan::Stages::kAll)}) {
    // A check looks at all stages unless one is the target.
    plan.stages = plan.target.empty() ? stages : SmallPlan::Stages::kReachable;
    parser::Linter linter(*check_options);
    auto error = run_checks(text, plan, linter);
    const json& expected = one.contains(key) ? one.at(key) : one.at("warnings");
    // Where a check gives more than a build, the original's test does not compare lines, and one
    // of its cases names lines that hold no instruction.
    Lines lines = one.contains(key) && key == std::string("check_warnings") ? Lines::kNotCompared
                                                                            : Lines::kCompared;
    if (auto problem =
            compare(key, comparable(expected, lines), comparable(warnings_json(linter), lines))) {
      return problem;
    }
    if (auto problem = check_error(one, error)) {
      return problem;
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_options(const json& one) {
  auto options = parser::parse_check_options(one.at("options").get<std::string>());
  if (!options) {
    return compare("error", one.value("error", json()), options.error());
  }
  if (one.contains("error")) {
    return "expected an error";
  }
  json actual = {{"skip_all", options->skip_all},
                 {"skip", options->skip},
                 {"experimental_all", options->experimental_all},
                 {"experimental", options->experimental},
                 {"error", options->error}};
  return compare("expect", one.at("expect"), actual);
}

std::optional<std::string> check_syntax(const json& one) {
  auto found = parser::find_syntax(one.at("text").get<std::string>());
  json actual = {{"found", found.has_value()}};
  if (found) {
    actual.update(
        {{"ref", found->reference}, {"cmdline", found->command_line}, {"line", found->line}});
  }
  for (const char* key : {"found", "ref", "cmdline", "line"}) {
    if (!one.contains(key)) {
      continue;
    }
    if (auto problem = compare(key, one[key], actual.value(key, json()))) {
      return problem;
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_check(const json& one) {
  auto found = parser::find_check(one.at("text").get<std::string>());
  if (auto problem = compare("found", one.at("found"), found.has_value())) {
    return problem;
  }
  return found ? compare("value", one.at("value"), found->value) : std::nullopt;
}

std::optional<std::string> check_case(const json& one) {
  std::string kind = one.at("kind");
  return kind == "lint"               ? check_lint(one)
         : kind == "options"          ? check_options(one)
         : kind == "syntax-directive" ? check_syntax(one)
         : kind == "check-directive"  ? check_check(one)
                                      : std::optional("unknown kind " + kind);
}

TEST(LintCorpus, Lint) {
  run_corpus("lint.json", check_case);
}

}  // namespace
}  // namespace slipway::tests
