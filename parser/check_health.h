#pragma once

#include "parser/ast/instructions.h"
#include "parser/checked.h"
#include "parser/lines.h"

namespace slipway::parser {

Problem check_healthcheck(const LogicalLine& line, Healthcheck& out);

}  // namespace slipway::parser
