#include "cmd/output/listing.h"

#include <algorithm>
#include <cassert>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cmd/output/table.h"
#include "cmd/output/template.h"

namespace slipway::cmd {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::map<std::string, std::string>& row) {
  Json object = Json::object();
  for (const auto& [key, value] : row) {
    object[key] = value;
  }
  return object;
}

Table::Row cells_of(const std::string& line) {
  Table::Row cells;
  for (std::string_view cell : base::split(line, '\t')) {
    cells.emplace_back(cell);
  }
  return cells;
}

}  // namespace

Listing::Listing(std::vector<Column> columns, std::vector<std::string> shown)
    : columns_(std::move(columns)), shown_(std::move(shown)) {}

std::string Listing::text(std::string_view format) const {
  if (format.empty() || format == "table") {
    return table_text();
  }
  if (format == "json") {
    return json_text();
  }
  constexpr std::string_view kTable = "table ";
  return format.starts_with(kTable) ? template_table_text(format.substr(kTable.size()))
                                    : template_text(format);
}

std::string Listing::table_text() const {
  Table table;
  Table::Row heading;
  for (const std::string& key : shown_) {
    auto column = std::find_if(columns_.begin(), columns_.end(),
                               [&](const Column& known) { return known.key == key; });
    assert(column != columns_.end());
    heading.push_back(column->heading);
  }
  table.add(std::move(heading));
  for (const auto& row : rows_) {
    Table::Row cells;
    for (const std::string& key : shown_) {
      cells.push_back(row.at(key));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::string Listing::json_text() const {
  std::string text;
  for (const auto& row : rows_) {
    text += json_of(row).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

std::string Listing::template_text(std::string_view format) const {
  Template line(unescape_format(format));
  std::map<std::string, std::string> headings;
  for (const Column& column : columns_) {
    headings[column.key] = column.heading;
  }
  // Said for the headings first, a wrong name is found also where there are no rows.
  line.text_for(json_of(headings));
  std::string text;
  for (const auto& row : rows_) {
    text += line.text_for(json_of(row)) + "\n";
  }
  return text;
}

std::string Listing::template_table_text(std::string_view format) const {
  Template line(unescape_format(format));
  std::map<std::string, std::string> headings;
  for (const Column& column : columns_) {
    headings[column.key] = column.heading;
  }
  Table table;
  table.add(cells_of(line.text_for(json_of(headings))));
  for (const auto& row : rows_) {
    table.add(cells_of(line.text_for(json_of(row))));
  }
  return table.text();
}

std::string unescape_format(std::string_view format) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    std::string_view pair = format.substr(i, 2);
    if (pair == "\\t" || pair == "\\n") {
      text += pair == "\\t" ? '\t' : '\n';
      ++i;
    } else {
      text += format[i];
    }
  }
  return text;
}

}  // namespace slipway::cmd
