#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "parser/diagnostic.h"
#include "parser/lint/linter.h"

// The outputs of a check without a build (language reference 13.4).

namespace slipway::parser {

struct CheckReport {
  std::string file_name;  // as given by the user
  std::string text;       // of the Dockerfile
  std::vector<LintWarning> warnings;
  std::optional<Diagnostic> error;

  // 1 where there is a warning or an error, else 0.
  int exit_status() const { return warnings.empty() && !error ? 0 : 1; }
};

// "Check complete, ..." first, then per warning its rule, page, detail and excerpt, sorted by line;
// the error last.
std::string check_report_text(const CheckReport& report);
// One JSON document with warnings, sources (base64) and buildError.
std::string check_report_json(const CheckReport& report);

}  // namespace slipway::parser
