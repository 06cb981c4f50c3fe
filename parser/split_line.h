#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parser/lines.h"

namespace slipway::parser {

// Splits `line.text` into word, flags and arguments (language reference, section 3). The answer
// is an error message, or nothing.
std::optional<std::string> split_line(LogicalLine& line, char escape);

// The heredocs that the line announces, in order, without bodies (section 4).
std::vector<Heredoc> find_heredocs(const LogicalLine& line);

}  // namespace slipway::parser
