#include "parser/parser.h"

#include <utility>

#include "parser/check_instruction.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

// Puts checked instructions into stages and collects what is wrong.
class Assembler {
 public:
  explicit Assembler(ParseResult& result) : result_(result) {}

  void add(const LogicalLine& line, std::size_t index) {
    auto checked = check_instruction(line);
    if (!checked) {
      fail("dockerfile parse error on line " + std::to_string(line.lines.first) + ": " +
               checked.error(),
           line.lines);
      return;
    }
    if (From* from = std::get_if<From>(&*checked)) {
      from->line_index = index;
      result_.dockerfile.stages.push_back({std::move(*from), {}});
      return;
    }
    Instruction& instruction = std::get<Instruction>(*checked);
    std::visit([&](auto& one) { one.line_index = index; }, instruction);
    place(std::move(instruction), line.lines);
  }

 private:
  void place(Instruction instruction, LineSpan lines) {
    Dockerfile& dockerfile = result_.dockerfile;
    if (!dockerfile.stages.empty()) {
      dockerfile.stages.back().instructions.push_back(std::move(instruction));
    } else if (Arg* arg = std::get_if<Arg>(&instruction)) {
      dockerfile.global_arguments.push_back(std::move(*arg));
    } else {
      fail("no build stage in current context", lines);
    }
  }

  void fail(std::string message, LineSpan lines) {
    if (result_.errors.size() < kErrorsMax) {
      result_.errors.push_back({std::move(message), lines});
    }
  }

  ParseResult& result_;
};

}  // namespace

ParseResult parse(std::string_view text) {
  ParseResult result;
  if (text.empty()) {
    result.errors.push_back({"the Dockerfile cannot be empty", {}});
    return result;
  }
  LineFile file = parse_lines(text);
  result.dockerfile.escape = file.escape;
  result.dockerfile.directives = std::move(file.directives);
  result.dockerfile.empty_continuations = std::move(file.empty_continuations);
  result.dockerfile.lines = std::move(file.lines);
  if (file.error) {
    result.errors.push_back(std::move(*file.error));
    return result;
  }
  result.lines_read = true;
  Assembler assembler(result);
  for (std::size_t index = 0; index < result.dockerfile.lines.size(); ++index) {
    assembler.add(result.dockerfile.lines[index], index);
  }
  return result;
}

std::vector<Diagnostic> check_has_stages(const Dockerfile& dockerfile) {
  if (dockerfile.stages.empty()) {
    return {{"dockerfile contains no stages to build", {}}};
  }
  return {};
}

std::expected<Instruction, Diagnostic> parse_trigger(std::string_view text, LineSpan from_lines) {
  LineFile file = parse_lines(text);
  if (file.error) {
    return std::unexpected(Diagnostic{std::move(file.error->message), from_lines});
  }
  if (file.lines.size() != 1) {
    return std::unexpected(Diagnostic{"onbuild trigger should be a single expression", from_lines});
  }
  file.lines[0].lines = from_lines;
  auto checked = check_instruction(file.lines[0]);
  if (!checked) {
    return std::unexpected(Diagnostic{std::move(checked.error()), from_lines});
  }
  if (std::holds_alternative<From>(*checked)) {
    return std::unexpected(Diagnostic{"FROM isn't allowed as an ONBUILD trigger", from_lines});
  }
  return std::get<Instruction>(std::move(*checked));
}

std::optional<std::size_t> find_stage(const Dockerfile& dockerfile, std::string_view name) {
  std::string wanted = lower_ascii(name);
  for (std::size_t index = dockerfile.stages.size(); index > 0; --index) {
    if (!wanted.empty() && dockerfile.stages[index - 1].from.name == wanted) {
      return index - 1;
    }
  }
  return std::nullopt;
}

}  // namespace slipway::parser
