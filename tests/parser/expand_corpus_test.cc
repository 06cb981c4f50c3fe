#include <set>

#include <nlohmann/json.hpp>

#include "parser/expand.h"
#include "parser/unicode.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;

std::optional<parser::ExpandOptions> options_of(const json& one) {
  char escape = one.contains("escape") ? one.at("escape").get<std::string>().at(0) : '\\';
  std::string mode = one.at("mode");
  if (mode == "word" || mode == "words") {
    return parser::ExpandOptions{.escape = escape};
  }
  if (mode == "no-quotes") {
    return parser::ExpandOptions::heredoc_body();
  }
  if (mode == "raw-quotes-skip-unset") {
    return parser::ExpandOptions::step_name(escape);
  }
  return std::nullopt;
}

parser::VariableList variables_of(const json& one, bool windows) {
  std::vector<std::string> assignments = one.at("env");
  if (windows) {
    for (std::string& assignment : assignments) {
      std::size_t equals = assignment.find('=');
      assignment = parser::upper_ascii(assignment.substr(0, equals)) + assignment.substr(equals);
    }
  }
  return parser::VariableList(assignments);
}

std::optional<std::string> check_error(const json& one, const std::string& message) {
  if (!one.contains("error")) {
    return "unexpected error: " + message;
  }
  if (one.contains("error_text") && one["error_text"] != message) {
    return "expected error " + one["error_text"].dump() + ", got " + message;
  }
  if (one["error"].is_string() && !message.contains(one["error"].get<std::string>())) {
    return "expected error with " + one["error"].dump() + ", got " + message;
  }
  return std::nullopt;
}

std::optional<std::string> check_case(const json& one) {
  std::optional<parser::ExpandOptions> options = options_of(one);
  if (!options) {
    return "unknown mode";
  }
  bool windows = one.at("platform") == "windows";
  options->ignore_name_case = windows;
  options->split_words = one.contains("words");
  parser::VariableList variables = variables_of(one, windows);
  auto result = parser::expand(one.at("input").get<std::string>(), variables, *options);
  if (!result) {
    return check_error(one, result.error());
  }
  if (one.contains("error")) {
    return "expected an error, got " + json(result->text).dump();
  }
  json actual = {{"expect", result->text},
                 {"words", result->words},
                 {"matched", result->matched},
                 {"unmatched", result->unmatched}};
  for (const char* key : {"expect", "words", "matched", "unmatched"}) {
    if (!one.contains(key)) {
      continue;
    }
    if (auto problem = compare(key, one[key], actual[key])) {
      return problem;
    }
  }
  if (!one.contains("expect") && !one.contains("words")) {
    return "case without expectation";
  }
  return std::nullopt;
}

TEST(ExpandCorpus, ShellExpansion) {
  run_corpus("shell-expansion.json", check_case);
}

}  // namespace
}  // namespace slipway::tests
