#include "parser/directives.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "parser/unicode.h"

namespace slipway::parser {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_pattern_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// `name = value` without the comment prefix. Nothing unless the whole line has that form.
std::optional<Directive> parse_assignment(std::string_view line) {
  line = trim_spaces(line);
  std::size_t end = 0;
  while (end < line.size() &&
         (is_letter(line[end]) || (end > 0 && line[end] >= '0' && line[end] <= '9'))) {
    ++end;
  }
  std::string_view name = line.substr(0, end);
  while (end < line.size() && is_pattern_space(line[end])) {
    ++end;
  }
  if (name.empty() || end == line.size() || line[end] != '=') {
    return std::nullopt;
  }
  ++end;
  while (end < line.size() && is_pattern_space(line[end])) {
    ++end;
  }
  if (end == line.size()) {
    return std::nullopt;
  }
  return Directive{lower_ascii(name), std::string(line.substr(end)), 0};
}

// The raw text as the searches for syntax and check see it.
struct ScanStart {
  std::string_view text;
  int lines_before = 0;
};

ScanStart skip_mark_and_shebang(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  if (!text.starts_with("#!")) {
    return {text, 0};
  }
  std::size_t end = text.find('\n');
  return {end == std::string_view::npos ? std::string_view() : text.substr(end + 1), 1};
}

std::optional<Directive> scan(ScanStart start, std::string_view prefix, std::string_view name) {
  DirectiveReader reader(prefix);
  std::string_view rest = start.text;
  int line_number = start.lines_before;
  while (!rest.empty()) {
    std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    ++line_number;
    if (reader.read(line, line_number) != DirectiveReader::Outcome::kDirective) {
      return std::nullopt;
    }
    if (reader.last().name == name) {
      return reader.last();
    }
  }
  return std::nullopt;
}

std::optional<SyntaxDirective> scan_json(ScanStart start) {
  // A quick look first: nearly every Dockerfile ends here.
  if (!trim_leading_spaces(start.text).starts_with('{')) {
    return std::nullopt;
  }
  nlohmann::json document = nlohmann::json::parse(start.text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return std::nullopt;
  }
  auto member = document.find("syntax");
  if (member == document.end() || !member->is_string()) {
    return std::nullopt;
  }
  auto value = member->get<std::string>();
  return SyntaxDirective{value, value, start.lines_before};
}

}  // namespace

DirectiveReader::Outcome DirectiveReader::read(std::string_view line, int line_number) {
  if (done_) {
    return Outcome::kNotADirective;
  }
  std::optional<Directive> found;
  if (line.starts_with(prefix_)) {
    found = parse_assignment(line.substr(prefix_.size()));
  }
  bool* seen = !found                    ? nullptr
               : found->name == "syntax" ? &seen_syntax_
               : found->name == "escape" ? &seen_escape_
               : found->name == "check"  ? &seen_check_
                                         : nullptr;
  if (seen == nullptr) {
    done_ = true;
    return Outcome::kNotADirective;
  }
  last_ = std::move(*found);
  last_.line = line_number;
  return std::exchange(*seen, true) ? Outcome::kRepeated : Outcome::kDirective;
}

std::optional<SyntaxDirective> find_syntax(std::string_view text) {
  ScanStart start = skip_mark_and_shebang(text);
  for (std::string_view prefix : {"#", "//"}) {
    if (auto found = scan(start, prefix, "syntax")) {
      return SyntaxDirective{found->value.substr(0, found->value.find(' ')), found->value,
                             found->line};
    }
  }
  return scan_json(start);
}

std::optional<Directive> find_check(std::string_view text) {
  return scan(skip_mark_and_shebang(text), "#", "check");
}

}  // namespace slipway::parser
