#include "parser/ast/expand_instruction.h"
#include "parser/ast/mounts.h"
#include "parser/dump.h"
#include "parser/lint/checks.h"
#include "parser/lint/report.h"
#include "parser/outline.h"
#include "parser/parser.h"
#include "tests/fuzz/fuzz.h"

// A Dockerfile from its bytes to its expanded instructions, checks and outputs.

namespace slipway::parser {
namespace {

using tests::require;

void use_mounts(const Run& run) {
  for (const std::string& flag : run.mounts) {
    auto mount = evaluate_mount(flag, [](std::string_view value) {
      return std::expected<std::string, std::string>(std::string(value));
    });
    if (mount) {
      check_mount_use(*mount, mount->target);
    }
  }
}

void use_instruction(const Instruction& instruction, const Dockerfile& file,
                     const VariableList& variables, StageChecks& checks, Linter& linter) {
  const InstructionBase& base = base_of(instruction);
  require(base.lines.first >= 1 && base.lines.last >= base.lines.first);
  require(file.lines.at(base.line_index).lines == base.lines);
  if (const Run* run = std::get_if<Run>(&instruction)) {
    use_mounts(*run);
  }
  if (const Onbuild* onbuild = std::get_if<Onbuild>(&instruction)) {
    (void)parse_trigger(onbuild->trigger, base.lines);
  }
  auto expanded = expand_instruction(instruction, variables, file.escape);
  if (expanded) {
    checks.check(expanded->instruction, {.unmatched = expanded->unmatched}, linter);
  }
}

void use_lines(const Dockerfile& file, std::string_view text) {
  int last = 0;
  for (const LogicalLine& line : file.lines) {
    require(line.lines.first > last);
    last = line.lines.last;
    for (const Word& word : line.arguments) {
      require(word.offset <= line.text.size());
      require(line.lines.contains(line.position_of(word.offset).line));
    }
  }
  (void)render_excerpt("Dockerfile", text, {1, last});
}

void use(std::string_view text) {
  ParseResult result = parse(text);
  use_lines(result.dockerfile, text);
  auto check = find_check(text);
  auto options = parse_check_options(check ? check->value : "");
  Linter linter(options.value_or(CheckOptions{}));
  check_file(result, linter);
  VariableList variables({"a=hello", "empty=", "path=/usr/lib/x"});
  for (const Stage& stage : result.dockerfile.stages) {
    StageChecks checks;
    for (const Instruction& instruction : stage.instructions) {
      use_instruction(instruction, result.dockerfile, variables, checks, linter);
    }
  }
  check_default_bases(
      result.dockerfile, variables, [](std::string_view name) { return !name.empty(); }, linter);
  (void)find_syntax(text);
  if (text.size() % 8 != 0) {
    return;  // the outputs are slow and have little to find
  }
  (void)dump_text(result);
  (void)dump_json(result);
  (void)targets_json(list_targets(result.dockerfile), text);
  (void)check_report_json({"Dockerfile", std::string(text), linter.warnings(), std::nullopt});
}

}  // namespace
}  // namespace slipway::parser

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::parser::use(slipway::tests::input_text(data, size));
  return 0;
}
