#pragma once

#include <expected>
#include <string>
#include <vector>

#include "parser/ast/instructions.h"
#include "parser/variables.h"

namespace slipway::parser {

struct ExpandedInstruction {
  // The instruction with every value expanded that language reference section 5 names. All values
  // see the same environment. EXPOSE may have more or fewer words than before. RUN (but see
  // evaluate_mount), CMD, ENTRYPOINT, SHELL, HEALTHCHECK, MAINTAINER, ONBUILD are unchanged.
  Instruction instruction;
  // Names that were used but not set, once per value that used them, in the order of the values:
  // input of the UndefinedVar check.
  std::vector<std::string> unmatched;
};

// `escape` is the file's escape character. ARG comes back unchanged: its defaults are expanded one
// by one with expand(), since each name sees those before it and a default may not be needed.
// The error is the expander's, complete but for its location (the lines of the instruction).
std::expected<ExpandedInstruction, std::string> expand_instruction(const Instruction& instruction,
                                                                   const Variables& variables,
                                                                   char escape);

}  // namespace slipway::parser
