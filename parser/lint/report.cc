#include "parser/lint/report.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include "parser/json_out.h"
#include "parser/source_rows.h"

namespace slipway::parser {

namespace {

std::vector<LintWarning> sorted(const std::vector<LintWarning>& warnings) {
  std::vector<LintWarning> out = warnings;
  std::ranges::stable_sort(out, [](const LintWarning& left, const LintWarning& right) {
    return std::tie(left.lines.first, left.detail) < std::tie(right.lines.first, right.detail);
  });
  return out;
}

std::string headline(std::size_t count) {
  if (count == 0) {
    return "Check complete, no warnings found.\n";
  }
  return "Check complete, " + std::to_string(count) +
         (count == 1 ? " warning has been found!\n" : " warnings have been found!\n");
}

Json place(LineSpan lines) {
  Json location = {{"sourceIndex", 0}};
  location.update(location_json(lines));
  return location;
}

}  // namespace

std::string check_report_text(const CheckReport& report) {
  std::string out = headline(report.warnings.size());
  std::vector<std::string_view> rows = rows_of(report.text);
  for (const LintWarning& warning : sorted(report.warnings)) {
    const LintRuleInfo& info = lint_rule_info(warning.rule);
    out.append("\nWARNING: ").append(info.name);
    if (std::string url = info.url(); !url.empty()) {
      out.append(" - ").append(url);
    }
    out.append("\n").append(warning.detail).append("\n");
    out.append(render_excerpt_of(report.file_name, rows, warning.lines));
  }
  if (report.error) {
    out.append("\n").append(report.error->message).append("\n");
    out.append(render_excerpt_of(report.file_name, rows, report.error->lines));
  }
  return out;
}

std::string check_report_json(const CheckReport& report) {
  Json document = {{"warnings", Json::array()}};
  for (const LintWarning& warning : sorted(report.warnings)) {
    const LintRuleInfo& info = lint_rule_info(warning.rule);
    Json one = {{"ruleName", info.name}, {"description", info.description}};
    if (std::string url = info.url(); !url.empty()) {
      one["url"] = url;
    }
    one["detail"] = warning.detail;
    one["location"] = place(warning.lines);
    document["warnings"].push_back(std::move(one));
  }
  document["sources"] = Json::array({Json{
      {"filename", report.file_name}, {"language", "Dockerfile"}, {"data", base64(report.text)}}});
  if (report.error) {
    document["buildError"] = {{"message", report.error->message},
                              {"location", place(report.error->lines)}};
  }
  return json_text(document);
}

}  // namespace slipway::parser
