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
    Problem problem = is_from(line) ? add_stage(line, index) : add_instruction(line, index);
    if (problem) {
      fail("dockerfile parse error on line " + std::to_string(line.lines.first) + ": " + *problem,
           line.lines);
    }
  }

 private:
  Problem add_stage(const LogicalLine& line, std::size_t index) {
    std::vector<Stage>& stages = result_.dockerfile.stages;
    From& from = stages.emplace_back().from;
    from.line_index = index;
    Problem problem = check_from(line, from);
    if (problem) {
      stages.pop_back();
      stage_lost_ = true;
    }
    return problem;
  }

  Problem add_instruction(const LogicalLine& line, std::size_t index) {
    std::vector<Stage>& stages = result_.dockerfile.stages;
    std::vector<Instruction>& out = stages.empty() ? before_stages_ : stages.back().instructions;
    if (Problem problem = check_instruction(line, out)) {
      return problem;
    }
    std::visit([&](auto& one) { one.line_index = index; }, out.back());
    if (stages.empty()) {
      keep_global(line.lines);
    }
    return std::nullopt;
  }

  // Before the first FROM only ARG may stand.
  void keep_global(LineSpan lines) {
    if (Arg* arg = std::get_if<Arg>(&before_stages_.back())) {
      result_.dockerfile.global_arguments.push_back(std::move(*arg));
    } else if (!stage_lost_) {
      fail("no build stage in current context", lines);
    }
    before_stages_.clear();
  }

  void fail(std::string message, LineSpan lines) {
    if (result_.errors.size() < kErrorsMax) {
      result_.errors.push_back({std::move(message), lines});
    }
  }

  ParseResult& result_;
  std::vector<Instruction> before_stages_;
  bool stage_lost_ = false;  // a FROM was wrong: what follows it is not to blame
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
  if (is_from(file.lines[0])) {
    return std::unexpected(Diagnostic{"FROM isn't allowed as an ONBUILD trigger", from_lines});
  }
  std::vector<Instruction> out;
  if (Problem problem = check_instruction(file.lines[0], out)) {
    return std::unexpected(Diagnostic{std::move(*problem), from_lines});
  }
  return std::move(out[0]);
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
