#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::cmd {

// What a listing verb knows of each row, and how --format shows it.
class Listing {
 public:
  struct Column {
    std::string key;      // "CreatedSince": what templates call it
    std::string heading;  // "CREATED"
  };
  // `shown` are the keys of the table without --format, in order.
  Listing(std::vector<Column> columns, std::vector<std::string> shown);

  // Precondition: has a value for every column (asserted).
  void add(std::map<std::string, std::string> row) { rows_.push_back(std::move(row)); }

  // By --format: "" or "table" is the table, "json" an object a line, "table TEMPLATE" a table of
  // the template's columns (separated by tabs), anything else a template for each line. kUsage for
  // templates that are wrong, also if there is no row.
  std::string text(std::string_view format) const;

 private:
  std::string table_text() const;
  std::string json_text() const;
  std::string template_text(std::string_view format) const;
  std::string template_table_text(std::string_view format) const;

  std::vector<Column> columns_;
  std::vector<std::string> shown_;
  std::vector<std::map<std::string, std::string>> rows_;
};

// A shell leaves `\t` and `\n` as they are; in a format they mean the characters.
std::string unescape_format(std::string_view format);

}  // namespace slipway::cmd
