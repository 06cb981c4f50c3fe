#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/diagnostic.h"
#include "parser/directives.h"
#include "parser/words.h"

// The line parser: text to logical lines, each split into word, flags and arguments. It knows the
// form of each instruction's arguments but not their meaning: an unknown instruction, a wrong
// number of arguments or an unknown flag is no error here (language reference, sections 2 to 4).

namespace slipway::parser {

// A longer physical line is an error.
inline constexpr std::size_t kLineBytesMax = 65535;

// ONBUILD inside ONBUILD is always rejected later; below this depth its text is not split.
inline constexpr int kOnbuildDepthMax = 16;

struct Heredoc {
  std::string name;
  std::uint64_t file_descriptor = 0;  // the largest there is stands for all that do not fit
  bool expand = true;                 // the name was not quoted
  bool chomp = false;                 // `<<-`: tabs at the start of lines do not count
  std::string content;                // as written, line endings included, not chomped

  bool operator==(const Heredoc&) const = default;
};

// The heredoc that a shell word announces (without its body), or nothing.
std::optional<Heredoc> parse_heredoc_word(std::string_view word);

// The body without tabs at the start of its lines.
std::string chomp_heredoc(std::string_view content);

// What an argument of a logical line was written as.
enum class ArgumentForm {
  kNone,            // no argument text
  kIgnored,         // an unknown instruction
  kPlain,           // strings
  kJson,            // the JSON (exec) form
  kKeyValue,        // ENV and LABEL `key=value`: arguments come in pairs
  kLegacyKeyValue,  // ENV and LABEL `key value`: one pair
  kTrigger,         // ONBUILD: `trigger` holds the instruction
};

// Where a part of a logical line lies in the file.
struct LinePiece {
  std::size_t offset = 0;  // in LogicalLine::text
  Position start;
};

struct LogicalLine {
  std::string word;         // the instruction word as written
  std::vector<Word> flags;  // `--chown=a:b`, quotes and escapes removed
  ArgumentForm form = ArgumentForm::kNone;
  std::vector<Word> arguments;
  std::vector<LogicalLine> trigger;   // none or one; its offsets count from its own text
  std::string text;                   // the joined line, leading spaces dropped
  std::vector<LinePiece> pieces;      // in order; empty in a trigger
  std::vector<std::string> comments;  // remembered comment lines above, trimmed, without '#'
  std::vector<Heredoc> heredocs;
  LineSpan lines;  // heredoc bodies included

  // Where the byte of `text` stands in the file; {} where that is not known.
  Position position_of(std::size_t offset) const;
};

// A blank line inside a continued instruction.
struct EmptyContinuation {
  std::string text;  // the joined line it was found in
  int line = 0;      // the last line of the instruction
};

struct LineFile {
  std::vector<LogicalLine> lines;
  std::vector<Directive> directives;
  char escape = '\\';
  std::vector<EmptyContinuation> empty_continuations;
  std::optional<Diagnostic> error;  // reading stopped there; `lines` holds what came before
};

// Never throws; time and memory are linear in the text.
LineFile parse_lines(std::string_view text);

// One s-expression per line, in the format of the parser corpus.
std::string dump_lines(const std::vector<LogicalLine>& lines);

}  // namespace slipway::parser
