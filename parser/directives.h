#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::parser {

// `# name=value` in the first lines of a Dockerfile; the name is lower case.
struct Directive {
  std::string name;
  std::string value;
  int line = 0;

  bool operator==(const Directive&) const = default;
};

// Reads the directives of one comment style, line by line. Recognition ends for good at the first
// line that is anything but a known directive (language reference 2.1).
class DirectiveReader {
 public:
  enum class Outcome { kDirective, kNotADirective, kRepeated };

  explicit DirectiveReader(std::string_view comment_prefix = "#") : prefix_(comment_prefix) {}

  // `line` without its line ending. After kDirective and kRepeated, `last()` is the directive.
  Outcome read(std::string_view line, int line_number);
  const Directive& last() const { return last_; }
  bool done() const { return done_; }

 private:
  std::string_view prefix_;  // a literal of the caller
  bool done_ = false;
  bool seen_syntax_ = false;
  bool seen_escape_ = false;
  bool seen_check_ = false;
  Directive last_;
};

// The front end that a text asks for. `reference` is the part of `command_line` before its first
// space. The line is 0 (or 1 after a `#!` line) where it was found as a JSON member.
struct SyntaxDirective {
  std::string reference;
  std::string command_line;
  int line = 0;

  bool operator==(const SyntaxDirective&) const = default;
};

// Looks in the raw bytes for `# syntax=`, then `// syntax=`, then a JSON object with a string
// member "syntax". A byte order mark is dropped and a first line `#!...` is skipped.
std::optional<SyntaxDirective> find_syntax(std::string_view text);

// Looks in the raw bytes for `# check=`; its value is the whole rest of the line.
std::optional<Directive> find_check(std::string_view text);

}  // namespace slipway::parser
