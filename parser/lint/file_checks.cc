#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "parser/lint/checks.h"
#include "parser/unicode.h"

// The checks that need nothing but the text. The first group runs line by line as the instructions
// are checked, so it stops at the first error; the second sees a file without errors.

namespace slipway::parser {

namespace {

bool is_lower(std::string_view word) {
  return lower_ascii(word) == word;
}

bool is_upper(std::string_view word) {
  return upper_ascii(word) == word;
}

void check_from_line(const LogicalLine& line, Linter& linter) {
  if (line.arguments.size() != 3) {
    return;
  }
  const std::string& name = line.arguments[2].text;
  if (!is_lower(name)) {
    linter.report(LintRule::kStageNameCasing, line.lines,
                  "Stage name '" + name + "' should be lowercase", line.comments);
  }
  const std::string& as = line.arguments[1].text;
  bool differs = (is_lower(line.word) && !is_lower(as)) || (is_upper(line.word) && !is_upper(as));
  if (differs) {
    linter.report(LintRule::kFromAsCasing, line.lines,
                  "'" + as + "' and '" + line.word + "' keywords' casing do not match",
                  line.comments);
  }
}

// The last comment above a definition should begin with (one of) its names.
void check_description(std::string_view instruction, const std::vector<std::string>& names,
                       const InstructionBase& base, Linter& linter) {
  if (base.comments.empty() || names.empty()) {
    return;
  }
  const std::string& comment = base.comments.back();
  if (std::ranges::find(names, comment.substr(0, comment.find(' '))) != names.end()) {
    return;
  }
  std::string example = names.size() > 1 ? "<arg_key>" : names[0];
  linter.report(LintRule::kInvalidDefinitionDescription, base,
                "Comment for " + std::string(instruction) + " should follow the format: `# " +
                    example + " <description>`");
}

void check_arg_description(const Arg& arg, Linter& linter) {
  std::vector<std::string> names;
  for (const Arg::Declaration& declaration : arg.declarations) {
    names.push_back(declaration.name);
  }
  check_description("ARG", names, arg, linter);
}

// All definitions before the line where checking ended.
void check_descriptions(const Dockerfile& file, int end, Linter& linter) {
  for (const Arg& arg : file.global_arguments) {
    if (arg.lines.first < end) {
      check_arg_description(arg, linter);
    }
  }
  for (const Stage& stage : file.stages) {
    if (!stage.from.name.empty() && stage.from.lines.first < end) {
      check_description("FROM", {stage.from.name}, stage.from, linter);
    }
    for (const Instruction& instruction : stage.instructions) {
      const Arg* arg = std::get_if<Arg>(&instruction);
      if (arg != nullptr && arg->lines.first < end) {
        check_arg_description(*arg, linter);
      }
    }
  }
}

void check_stage_names(const Dockerfile& file, Linter& linter) {
  std::set<std::string> seen;
  for (const Stage& stage : file.stages) {
    const From& from = stage.from;
    if (from.name.empty()) {
      continue;
    }
    if (from.name == "scratch" || from.name == "context") {
      linter.report(
          LintRule::kReservedStageName, from,
          "Stage name should not use the same name as reserved stage \"" + from.name + "\"");
    }
    if (!seen.insert(from.name).second) {
      linter.report(LintRule::kDuplicateStageName, from,
                    "Duplicate stage name \"" + from.name + "\", stage names should be unique");
    }
  }
}

// FROM and what is in stages; global arguments don't count.
template <typename Visit>
void for_each_in_stages(const Dockerfile& file, const Visit& visit) {
  for (const Stage& stage : file.stages) {
    visit(stage.from);
    for (const Instruction& instruction : stage.instructions) {
      visit(base_of(instruction));
    }
  }
}

void check_instruction_casing(const Dockerfile& file, Linter& linter) {
  std::size_t lower = 0;
  std::size_t upper = 0;
  for_each_in_stages(file, [&](const InstructionBase& base) {
    lower += is_lower(base.keyword) ? 1 : 0;
    upper += is_upper(base.keyword) ? 1 : 0;
  });
  bool want_lower = lower > upper;
  for_each_in_stages(file, [&](const InstructionBase& base) {
    if (want_lower ? !is_lower(base.keyword) : !is_upper(base.keyword)) {
      linter.report(LintRule::kConsistentInstructionCasing, base,
                    "Command '" + base.keyword +
                        "' should match the case of the command majority (" +
                        (want_lower ? "lowercase" : "uppercase") + ")");
    }
  });
}

}  // namespace

void check_file(const ParseResult& result, Linter& linter) {
  const Dockerfile& file = result.dockerfile;
  // A file whose lines can't be read has no warnings: nothing was checked.
  if (!result.lines_read) {
    return;
  }
  for (const EmptyContinuation& found : file.empty_continuations) {
    linter.report(LintRule::kNoEmptyContinuation, {found.line, found.line},
                  "Empty continuation line");
  }
  int end = result.ok() ? std::numeric_limits<int>::max() : result.errors[0].lines.first;
  for (const LogicalLine& line : file.lines) {
    if (line.lines.first > end) {
      break;
    }
    if (equal_ignoring_ascii_case(line.word, "FROM")) {
      check_from_line(line, linter);
    } else if (equal_ignoring_ascii_case(line.word, "MAINTAINER")) {
      linter.report(LintRule::kMaintainerDeprecated, line.lines,
                    "Maintainer instruction is deprecated in favor of using label", line.comments);
    }
  }
  check_descriptions(file, end, linter);
  if (result.ok()) {
    check_stage_names(file, linter);
    check_instruction_casing(file, linter);
  }
}

}  // namespace slipway::parser
