#include "parser/lines.h"

#include <algorithm>
#include <utility>

#include "parser/quoting.h"
#include "parser/split_line.h"
#include "parser/unicode.h"

// From physical lines to logical ones: directives, comments, continuations, heredoc bodies. The
// flags and arguments of one logical line are split in split_line.cc.

namespace slipway::parser {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trim_line_ending(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  return line;
}

std::string_view trim_leading_tabs(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of('\t'), line.size()));
}

bool is_comment(std::string_view line) {
  return trim_leading_spaces(line).starts_with('#');
}

// The line without its continuation mark, or nothing if it has none: the escape character, not
// preceded by another, then spaces and tabs only.
std::optional<std::string_view> without_continuation(std::string_view line, char escape) {
  std::size_t last = line.find_last_not_of(" \t");
  if (last == std::string_view::npos || line[last] != escape ||
      (last > 0 && line[last - 1] == escape)) {
    return std::nullopt;
  }
  return line.substr(0, last);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  LineFile read() {
    while (!file_.error && next()) {
      read_instruction();
    }
    if (!file_.error && too_long_) {
      fail("dockerfile line greater than max allowed size of " + std::to_string(kLineBytesMax),
           {line_number_, line_number_});
    }
    if (!file_.error && file_.lines.empty()) {
      fail("file with no instructions", {line_number_, line_number_});
    }
    return std::move(file_);
  }

 private:
  // Moves to the next physical line; false at the end, or at a line that is too long.
  bool next() {
    if (rest_.empty() || too_long_) {
      return false;
    }
    std::size_t end = rest_.find('\n');
    std::size_t size = std::min(end, rest_.size());
    if (size > kLineBytesMax) {
      too_long_ = true;
      return false;
    }
    size = std::min(size + 1, rest_.size());  // with its newline
    raw_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    column_ = 0;
    if (line_number_ == 0 && raw_.starts_with(kByteOrderMark)) {
      raw_.remove_prefix(kByteOrderMark.size());
      column_ = static_cast<int>(kByteOrderMark.size());
    }
    ++line_number_;
    return true;
  }

  void fail(std::string message, LineSpan lines) {
    file_.error = Diagnostic{std::move(message), lines};
  }

  // The current line starts an instruction, or is a directive, a comment or blank.
  void read_instruction() {
    std::string_view line = trim_leading_spaces(trim_line_ending(raw_));
    if (take_directive(line)) {
      return;
    }
    if (line.starts_with('#')) {
      remember_comment();
      return;
    }
    std::optional<std::string_view> continued = without_continuation(line, file_.escape);
    if (line.empty() && !continued) {
      return;
    }
    LogicalLine logical;
    logical.lines.first = line_number_;
    bool empty_continuation = join(logical, line, continued);
    logical.lines.last = line_number_;
    if (empty_continuation) {
      file_.empty_continuations.push_back({logical.text, line_number_});
    }
    logical.comments = std::exchange(comments_, {});
    finish(std::move(logical));
  }

  // True where the line was a directive, or a wrong one.
  bool take_directive(std::string_view line) {
    if (directives_.done()) {
      return false;
    }
    DirectiveReader::Outcome outcome = directives_.read(line, line_number_);
    if (outcome == DirectiveReader::Outcome::kNotADirective) {
      return false;
    }
    const Directive& directive = directives_.last();
    // These two are reported at the line before, as users of the original know them.
    LineSpan place{line_number_ - 1, line_number_ - 1};
    if (outcome == DirectiveReader::Outcome::kRepeated) {
      fail("only one " + directive.name + " parser directive can be used", place);
      return true;
    }
    if (directive.name == "escape") {
      if (directive.value != "\\" && directive.value != "`") {
        fail("invalid escape token '" + directive.value + "' does not match ` or \\", place);
        return true;
      }
      file_.escape = directive.value[0];
    }
    file_.directives.push_back(directive);
    return true;
  }

  // The text is the line less its first byte, so an indented comment keeps its '#' and never
  // matches as a doc comment.
  void remember_comment() {
    std::string_view comment = trim_spaces(raw_.substr(1));
    if (comment.empty()) {
      comments_.clear();
    } else {
      comments_.emplace_back(comment);
    }
  }

  void append(LogicalLine& logical, std::string_view part) {
    int column = column_ + static_cast<int>(part.data() - raw_.data());
    logical.pieces.push_back({logical.text.size(), {line_number_, column}});
    logical.text.append(part);
  }

  // Puts the lines of one instruction together; true where a blank line was skipped.
  bool join(LogicalLine& logical, std::string_view line,
            std::optional<std::string_view> continued) {
    bool empty_continuation = false;
    append(logical, continued.value_or(line));
    while (continued && next()) {
      line = trim_line_ending(raw_);
      if (is_comment(line)) {
        continue;
      }
      if (trim_leading_spaces(line).empty()) {
        empty_continuation = true;
        continue;
      }
      continued = without_continuation(line, file_.escape);
      append(logical, continued.value_or(line));
    }
    return empty_continuation;
  }

  void finish(LogicalLine logical) {
    std::optional<std::string> problem = split_line(logical, file_.escape);
    if (problem) {
      fail(std::move(*problem), logical.lines);
      return;
    }
    for (Heredoc& heredoc : find_heredocs(logical)) {
      if (!read_body(heredoc)) {
        fail("unterminated heredoc", {logical.lines.first, line_number_});
        return;
      }
      logical.heredocs.push_back(std::move(heredoc));
    }
    logical.lines.last = line_number_;
    file_.lines.push_back(std::move(logical));
  }

  // The body is one piece of the text, so it is copied once.
  bool read_body(Heredoc& heredoc) {
    std::string_view start = rest_;
    while (next()) {
      std::string_view line = trim_line_ending(raw_);
      if (heredoc.chomp) {
        line = trim_leading_tabs(line);
      }
      if (line == heredoc.name) {
        heredoc.content = start.substr(0, start.size() - rest_.size() - raw_.size());
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
  std::string_view raw_;  // the current physical line with its ending
  int column_ = 0;        // of raw_'s first byte in the file
  int line_number_ = 0;   // of raw_
  bool too_long_ = false;
  DirectiveReader directives_;
  std::vector<std::string> comments_;
  LineFile file_;
};

void dump_line(std::string& out, const LogicalLine& line) {
  out.append("(").append(lower_ascii(line.word));
  if (!line.flags.empty()) {
    out.append(" [");
    for (const Word& flag : line.flags) {
      out.append(&flag == line.flags.data() ? "" : " ").append(quote_text(flag.text));
    }
    out.append("]");
  }
  std::size_t index = 0;
  for (const Word& argument : line.arguments) {
    out.append(" ").append(quote_text(argument.text));
    bool value = index++ % 2 == 1;
    if (value && line.form == ArgumentForm::kKeyValue) {
      out.append(" \"=\"");
    } else if (value && line.form == ArgumentForm::kLegacyKeyValue) {
      out.append(" \"\"");
    }
  }
  if (line.form == ArgumentForm::kIgnored) {
    out.append(" \"\"");
  }
  for (const LogicalLine& trigger : line.trigger) {
    out.append(" ");
    dump_line(out, trigger);
  }
  out.append(")");
}

}  // namespace

Position LogicalLine::position_of(std::size_t offset) const {
  auto after = std::upper_bound(
      pieces.begin(), pieces.end(), offset,
      [](std::size_t wanted, const LinePiece& piece) { return wanted < piece.offset; });
  if (after == pieces.begin()) {
    return {};
  }
  const LinePiece& piece = *std::prev(after);
  return {piece.start.line, piece.start.column + static_cast<int>(offset - piece.offset)};
}

LineFile parse_lines(std::string_view text) {
  return Reader(text).read();
}

std::string dump_lines(const std::vector<LogicalLine>& lines) {
  std::string out;
  for (const LogicalLine& line : lines) {
    dump_line(out, line);
    out.append("\n");
  }
  return out;
}

}  // namespace slipway::parser
