#pragma once

#include <expected>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parser/ast/instructions.h"
#include "parser/diagnostic.h"
#include "parser/lint/rules.h"

namespace slipway::parser {

// What a `# check=` directive (or the build argument that replaces it) asks for.
struct CheckOptions {
  bool skip_all = false;
  std::set<std::string, std::less<>> skip;
  bool experimental_all = false;
  std::set<std::string, std::less<>> experimental;
  bool error = false;  // warnings fail the build at its end

  bool operator==(const CheckOptions&) const = default;
};

// "skip=A,B;error=true". Errors: «invalid check option "<opt>"», «failed to parse check option
// "<opt>": ...»; the caller puts «failed to parse check options: » before them.
std::expected<CheckOptions, std::string> parse_check_options(std::string_view text);

struct LintWarning {
  LintRule rule;
  std::string detail;
  LineSpan lines;

  bool operator==(const LintWarning&) const = default;
};

// "<RuleName>: <detail> (line <n>)", the form of progress messages.
std::string short_text(const LintWarning& warning);

// Collects warnings, leaving out those that the options, or a `# check=` comment above the
// instruction, silence. The checks (lint/checks.h) report to it.
class Linter {
 public:
  explicit Linter(CheckOptions options = {}) : options_(std::move(options)) {}

  // About these lines; `comments` are those above the instruction and may change the options.
  void report(LintRule rule, LineSpan lines, std::string detail,
              std::span<const std::string> comments = {});
  // About an instruction.
  void report(LintRule rule, const InstructionBase& instruction, std::string detail);

  // May a check look for the nearest of so many names? Not for ever: a file with thousands of names
  // and as many misspelt ones gets no more suggestions after kSuggestionNamesMax looks.
  bool may_suggest(std::size_t names);
  static constexpr std::size_t kSuggestionNamesMax = 1'000'000;

  // In the order they were reported.
  const std::vector<LintWarning>& warnings() const { return warnings_; }
  // Sorted by line, then detail.
  std::vector<LintWarning> sorted_warnings() const;
  // With error=true and any warning: «lint violation found for rules: A, B», at the first of them.
  std::optional<Diagnostic> violation() const;

 private:
  CheckOptions options_;
  std::vector<LintWarning> warnings_;
  std::size_t names_looked_at_ = 0;
};

}  // namespace slipway::parser
