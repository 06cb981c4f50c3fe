#pragma once

#include "parser/json_out.h"
#include "parser/parser.h"

namespace slipway::parser {

// The parsed file as names and values; empty, false and zero members are left out.
Json tree_of(const ParseResult& result);

}  // namespace slipway::parser
