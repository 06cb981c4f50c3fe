#pragma once

#include "parser/ast/instructions.h"
#include "parser/checked.h"
#include "parser/lines.h"

namespace slipway::parser {

Problem check_add(const LogicalLine& line, Add& out);
Problem check_copy(const LogicalLine& line, Copy& out);

}  // namespace slipway::parser
