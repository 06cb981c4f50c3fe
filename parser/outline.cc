#include "parser/outline.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "parser/json_out.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t offset = 0; offset < text.size(); ++width) {
    offset += decode_utf8(text, offset).size;
  }
  return width;
}

// Rows of equal length; columns are padded to their widest cell and three spaces, the last is not.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.at(0).size());
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], width_of(row[column]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      out.append(row[column]);
      if (column + 1 < row.size()) {
        out.append(widths[column] - width_of(row[column]) + 3, ' ');
      }
    }
    out.append("\n");
  }
  return out;
}

template <typename Entry>
std::vector<Entry> by_line(std::vector<Entry> entries) {
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) { return entry.lines.first; });
  return entries;
}

template <typename Entry>
std::string needs_table(std::string_view title, const std::vector<Entry>& entries) {
  if (entries.empty()) {
    return {};
  }
  std::vector<std::vector<std::string>> rows{{std::string(title), "REQUIRED"}};
  for (const Entry& entry : by_line(entries)) {
    rows.push_back({entry.name, entry.required ? "true" : ""});
  }
  return table(rows) + "\n";
}

template <typename Entry>
Json needs_json(const std::vector<Entry>& entries) {
  Json out = Json::array();
  for (const Entry& entry : by_line(entries)) {
    Json one = {{"name", entry.name}};
    if (entry.required) {
      one["required"] = true;
    }
    one["location"] = location_json(entry.lines);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string outline_text(const Outline& outline) {
  std::string out;
  if (!outline.name.empty() || !outline.description.empty()) {
    std::vector<std::vector<std::string>> rows{
        {"TARGET:", outline.name.empty() ? "(default)" : outline.name}};
    if (!outline.description.empty()) {
      rows.push_back({"DESCRIPTION:", outline.description});
    }
    out.append(table(rows)).append("\n");
  }
  if (!outline.arguments.empty()) {
    std::vector<std::vector<std::string>> rows{{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const Outline::Argument& argument : by_line(outline.arguments)) {
      rows.push_back({argument.name, argument.value.value_or(""), argument.description});
    }
    out.append(table(rows)).append("\n");
  }
  return out + needs_table("SECRET", outline.secrets) + needs_table("SSH", outline.ssh);
}

std::string outline_json(const Outline& outline, std::string_view text) {
  Json document = Json::object();
  if (!outline.name.empty()) {
    document["name"] = outline.name;
  }
  if (!outline.description.empty()) {
    document["description"] = outline.description;
  }
  document["args"] = Json::array();
  for (const Outline::Argument& argument : by_line(outline.arguments)) {
    Json one = {{"name", argument.name}};
    if (!argument.description.empty()) {
      one["description"] = argument.description;
    }
    if (argument.value) {
      one["value"] = *argument.value;
    }
    one["location"] = location_json(argument.lines);
    document["args"].push_back(std::move(one));
  }
  document["secrets"] = needs_json(outline.secrets);
  document["ssh"] = needs_json(outline.ssh);
  document["sources"] = Json::array({base64(text)});
  return json_text(document);
}

std::vector<Target> list_targets(const Dockerfile& dockerfile) {
  std::vector<Target> targets;
  for (const Stage& stage : dockerfile.stages) {
    targets.push_back({.name = stage.from.name,
                       .description = stage.from.description,
                       .base = stage.from.base,
                       .platform = stage.from.platform,
                       .lines = stage.from.lines});
  }
  if (!targets.empty()) {
    targets.back().is_default = true;
  }
  return targets;
}

std::string targets_text(const std::vector<Target>& targets) {
  std::vector<std::vector<std::string>> rows{{"TARGET", "DESCRIPTION"}};
  for (const Target& target : targets) {
    std::string name = target.name;
    if (target.is_default) {
      name.append(name.empty() ? "(default)" : " (default)");
    }
    rows.push_back({name, target.description});
  }
  return table(rows);
}

std::string targets_json(const std::vector<Target>& targets, std::string_view text) {
  Json document = {{"targets", Json::array()}};
  for (const Target& target : targets) {
    Json one = Json::object();
    const std::pair<const char*, const std::string*> texts[] = {
        {"name", &target.name},
        {"description", &target.description},
        {"base", &target.base},
        {"platform", &target.platform}};
    for (const auto& [key, value] : texts) {
      if (!value->empty()) {
        one[key] = *value;
      }
    }
    if (target.is_default) {
      one["default"] = true;
    }
    one["location"] = location_json(target.lines);
    document["targets"].push_back(std::move(one));
  }
  document["sources"] = Json::array({base64(text)});
  return json_text(document);
}

}  // namespace slipway::parser
