#include "parser/lint/linter.h"

#include <algorithm>
#include <tuple>

#include "parser/ast/values.h"
#include "parser/quoting.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

using RuleSet = std::set<std::string, std::less<>>;

// "all", or rule names between commas.
void read_rules(std::string_view text, bool& all, RuleSet& rules) {
  text = trim_spaces(text);
  if (text == "all") {
    all = true;
    return;
  }
  rules.clear();
  while (true) {
    std::size_t comma = text.find(',');
    rules.emplace(trim_spaces(text.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return;
    }
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::string> read_option(std::string_view text, CheckOptions& options) {
  std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return "invalid check option " + quote_text(text);
  }
  std::string_view name = trim_spaces(text.substr(0, equals));
  std::string_view value = trim_spaces(text.substr(equals + 1));
  if (name == "skip") {
    read_rules(value, options.skip_all, options.skip);
  } else if (name == "experimental") {
    read_rules(value, options.experimental_all, options.experimental);
  } else if (name == "error") {
    std::optional<bool> error = parse_boolean(value);
    if (!error) {
      return "failed to parse check option " + quote_text(text) + ": strconv.ParseBool: parsing " +
             quote_text(value) + ": invalid syntax";
    }
    options.error = *error;
  } else {
    return "invalid check option " + quote_text(name);
  }
  return std::nullopt;
}

// The value of a comment `check=...`, up to its first space.
std::optional<std::string_view> check_value(std::string_view comment) {
  constexpr std::string_view kName = "check";
  if (!equal_ignoring_ascii_case(comment.substr(0, kName.size()), kName)) {
    return std::nullopt;
  }
  comment = trim_leading_spaces(comment.substr(kName.size()));
  if (!comment.starts_with('=')) {
    return std::nullopt;
  }
  comment = trim_leading_spaces(comment.substr(1));
  return comment.substr(0, comment.find(' '));
}

// The options with those of the comments above an instruction added; wrong ones don't count.
CheckOptions merged(const CheckOptions& options, std::span<const std::string> comments) {
  CheckOptions out = options;
  for (const std::string& comment : comments) {
    std::optional<std::string_view> value = check_value(comment);
    auto more = parse_check_options(value.value_or(""));
    if (more) {
      out.skip_all = out.skip_all || more->skip_all;
      out.skip.merge(more->skip);
      out.experimental_all = out.experimental_all || more->experimental_all;
      out.experimental.merge(more->experimental);
    }
  }
  return out;
}

bool wants(const CheckOptions& options, LintRule rule) {
  const LintRuleInfo& info = lint_rule_info(rule);
  if (info.experimental) {
    return options.experimental_all || options.experimental.contains(info.name);
  }
  return !options.skip_all && !options.skip.contains(info.name);
}

}  // namespace

std::expected<CheckOptions, std::string> parse_check_options(std::string_view text) {
  CheckOptions options;
  text = trim_spaces(text);
  // At most three; what follows belongs to the third.
  for (int left = 3; !text.empty(); --left) {
    std::size_t end = left > 1 ? std::min(text.find(';'), text.size()) : text.size();
    bool more = end < text.size();
    if (auto problem = read_option(text.substr(0, end), options)) {
      return std::unexpected(std::move(*problem));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    if (more && text.empty()) {
      return std::unexpected("invalid check option \"\"");
    }
  }
  return options;
}

std::string short_text(const LintWarning& warning) {
  return std::string(lint_rule_info(warning.rule).name) + ": " + warning.detail + " (line " +
         std::to_string(warning.lines.first) + ")";
}

void Linter::report(LintRule rule, LineSpan lines, std::string detail,
                    std::span<const std::string> comments) {
  if (comments.empty() ? wants(options_, rule) : wants(merged(options_, comments), rule)) {
    warnings_.push_back({rule, std::move(detail), lines});
  }
}

void Linter::report(LintRule rule, const InstructionBase& instruction, std::string detail) {
  report(rule, instruction.lines, std::move(detail), instruction.comments);
}

bool Linter::may_suggest(std::size_t names) {
  if (names_looked_at_ > kSuggestionNamesMax) {
    return false;
  }
  names_looked_at_ += names;
  return true;
}

std::vector<LintWarning> Linter::sorted_warnings() const {
  std::vector<LintWarning> sorted = warnings_;
  std::ranges::stable_sort(sorted, [](const LintWarning& left, const LintWarning& right) {
    return std::tie(left.lines.first, left.detail) < std::tie(right.lines.first, right.detail);
  });
  return sorted;
}

std::optional<Diagnostic> Linter::violation() const {
  if (!options_.error || warnings_.empty()) {
    return std::nullopt;
  }
  std::set<std::string_view> names;
  for (const LintWarning& warning : warnings_) {
    names.insert(lint_rule_info(warning.rule).name);
  }
  std::string message = "lint violation found for rules: ";
  for (std::string_view name : names) {
    message.append(name == *names.begin() ? "" : ", ").append(name);
  }
  return Diagnostic{std::move(message), warnings_.front().lines};
}

}  // namespace slipway::parser
