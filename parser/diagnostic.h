#pragma once

#include <string>
#include <string_view>

#include "parser/source.h"

namespace slipway::parser {

// Something wrong with a Dockerfile. `message` is the exact text users (and tests) match on,
// with its "dockerfile parse error on line N: " prefix where it has one and its suggestion at the
// end; `lines` are the lines to mark.
struct Diagnostic {
  std::string message;
  LineSpan lines;

  bool operator==(const Diagnostic&) const = default;
};

// The excerpt, then the message and a newline.
std::string render_diagnostic(std::string_view file_name, std::string_view text,
                              const Diagnostic& diagnostic);

}  // namespace slipway::parser
