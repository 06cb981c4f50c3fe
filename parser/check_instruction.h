#pragma once

#include <expected>
#include <string>
#include <variant>

#include "parser/ast/instructions.h"
#include "parser/lines.h"

namespace slipway::parser {

// FROM opens a stage, everything else goes into one.
using CheckedLine = std::variant<From, Instruction>;

// The typed instruction that a logical line is, or what is wrong with it, without the "dockerfile
// parse error" prefix. Checks number of arguments, flags and values in the original's order.
std::expected<CheckedLine, std::string> check_instruction(const LogicalLine& line);

}  // namespace slipway::parser
