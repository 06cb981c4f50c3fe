#pragma once

#include <string>

#include "parser/parser.h"

namespace slipway::parser {

// The tree of a parsed file for people: stages with their instructions, one line per fact,
// indented, with line numbers; errors last.
std::string dump_text(const ParseResult& result);

// The same as one JSON document (indented, ends with a newline): escape, directives,
// globalArguments, stages with typed instructions and their lines, errors.
std::string dump_json(const ParseResult& result);

}  // namespace slipway::parser
