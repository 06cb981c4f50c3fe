#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "parser/diagnostic.h"
#include "parser/dump.h"
#include "parser/lint/checks.h"
#include "parser/parser.h"
#include "tests/support/corpora.h"
#include "tests/support/golden.h"

namespace slipway::tests {
namespace {

// What a user would see of a file: its errors, then what the linter says of the text alone.
std::string diagnostics_of(const std::string& text, const parser::ParseResult& result) {
  std::string out;
  for (const parser::Diagnostic& error : result.errors) {
    out += parser::render_diagnostic("Dockerfile", text, error);
  }
  parser::Linter linter(parser::CheckOptions{.experimental_all = true});
  parser::check_file(result, linter);
  for (const parser::LintWarning& warning : linter.sorted_warnings()) {
    out += "warning: " + parser::short_text(warning) + "\n";
  }
  return out;
}

TEST(ParserGolden, TreesAndDiagnostics) {
  std::vector<std::string> cases = golden_cases("parser");
  EXPECT_FALSE(cases.empty());
  for (const std::string& folder : cases) {
    SCOPED_TRACE(folder);
    std::string text = read_text_file(folder + "/Dockerfile");
    parser::ParseResult result = parser::parse(text);
    expect_golden(folder + "/ast.txt", parser::dump_text(result));
    expect_golden(folder + "/diagnostics.txt", diagnostics_of(text, result));
  }
}

TEST(ParserGolden, JsonSaysTheSameAsText) {
  for (const std::string& folder : golden_cases("parser")) {
    SCOPED_TRACE(folder);
    parser::ParseResult result = parser::parse(read_text_file(folder + "/Dockerfile"));
    auto tree = nlohmann::json::parse(parser::dump_json(result));
    EXPECT_EQ(tree.at("stages").size(), result.dockerfile.stages.size());
    for (std::size_t index = 0; index < result.dockerfile.stages.size(); ++index) {
      const auto& stage = result.dockerfile.stages[index];
      EXPECT_EQ(tree["stages"][index]["base"], stage.from.base);
      EXPECT_EQ(tree["stages"][index]["instructions"].size(), stage.instructions.size());
    }
  }
}

}  // namespace
}  // namespace slipway::tests
