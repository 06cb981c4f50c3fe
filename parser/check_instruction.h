#pragma once

#include <vector>

#include "parser/ast/instructions.h"
#include "parser/checked.h"
#include "parser/lines.h"

namespace slipway::parser {

// The checks give what is wrong with a logical line, without the "dockerfile parse error" prefix,
// or nothing. They look at number of arguments, flags and values in the original's order.

bool is_from(const LogicalLine& line);

// Of a FROM line.
Problem check_from(const LogicalLine& line, From& out);

// Of any other line: appends the typed instruction to `out` unless something is wrong with it.
// It is made in place, because instructions are large to move.
Problem check_instruction(const LogicalLine& line, std::vector<Instruction>& out);

}  // namespace slipway::parser
