#pragma once

#include "parser/ast/instructions.h"
#include "parser/checked.h"
#include "parser/lines.h"

namespace slipway::parser {

Problem check_run(const LogicalLine& line, Run& out);

}  // namespace slipway::parser
