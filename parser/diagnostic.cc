#include "parser/diagnostic.h"

namespace slipway::parser {

std::string render_diagnostic(std::string_view file_name, std::string_view text,
                              const Diagnostic& diagnostic) {
  return render_excerpt(file_name, text, diagnostic.lines) + diagnostic.message + "\n";
}

}  // namespace slipway::parser
