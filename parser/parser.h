#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ast/instructions.h"
#include "parser/diagnostic.h"
#include "parser/directives.h"
#include "parser/lines.h"

namespace slipway::parser {

// FROM and what follows it.
struct Stage {
  From from;
  std::vector<Instruction> instructions;

  bool operator==(const Stage&) const = default;
};

struct Dockerfile {
  char escape = '\\';
  std::vector<Directive> directives;
  std::vector<Arg> global_arguments;  // ARG before the first FROM
  std::vector<Stage> stages;
  // The lines everything came from, one per instruction, in file order.
  std::vector<LogicalLine> lines;
  std::vector<EmptyContinuation> empty_continuations;
};

struct ParseResult {
  Dockerfile dockerfile;
  // In the order a build would meet them; the first is what a build reports. A file whose lines
  // can't be read has that one error only. Empty: the file is well formed.
  std::vector<Diagnostic> errors;
  // The text could be cut into logical lines; the errors, if any, are those of instructions.
  bool lines_read = false;

  bool ok() const { return errors.empty(); }
};

// More errors than this are not collected.
inline constexpr std::size_t kErrorsMax = 100;

// Reads a whole Dockerfile: steps 1 to 3 of language reference section 3.7. Never throws; time and
// memory are linear in the text. Where there are errors, the instructions without one are there.
// A file without FROM is well formed here («dockerfile contains no stages to build» is said by
// check_has_stages); the empty text gives «the Dockerfile cannot be empty».
ParseResult parse(std::string_view text);

// «dockerfile contains no stages to build» where a well-formed file has no FROM.
std::vector<Diagnostic> check_has_stages(const Dockerfile& dockerfile);

// Reads one ONBUILD trigger as it is stored in an image config. Its lines become `from_lines`, the
// place of the FROM that set it off. Errors have no "dockerfile parse error" prefix.
std::expected<Instruction, Diagnostic> parse_trigger(std::string_view text, LineSpan from_lines);

// Index of the stage with this name, ignoring case; the last of several. Nothing if there is none.
std::optional<std::size_t> find_stage(const Dockerfile& dockerfile, std::string_view name);

}  // namespace slipway::parser
