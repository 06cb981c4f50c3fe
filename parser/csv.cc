#include <utility>

#include "parser/words.h"

// One CSV record, with the error texts and columns users know from the original: a column counts
// bytes from 1.

namespace slipway::parser {

namespace {

std::unexpected<std::string> csv_error(std::size_t offset, std::string_view reason) {
  return std::unexpected("parse error on line 1, column " + std::to_string(offset + 1) + ": " +
                         std::string(reason));
}

constexpr std::string_view kBareQuote = "bare \" in non-quoted-field";
constexpr std::string_view kBadQuote = "extraneous or missing \" in quoted-field";

// The field that starts with a quote at `offset`, which moves behind its closing quote.
std::expected<std::string, std::string> take_quoted(std::string_view text, std::size_t& offset) {
  std::string field;
  std::size_t start = offset + 1;
  while (true) {
    std::size_t quote = text.find('"', start);
    if (quote == std::string_view::npos) {
      return csv_error(text.size(), kBadQuote);
    }
    field.append(text.substr(start, quote - start));
    offset = quote + 1;
    if (offset == text.size() || text[offset] == ',') {
      return field;
    }
    if (text[offset] != '"') {
      return csv_error(quote, kBadQuote);
    }
    field.push_back('"');
    start = offset + 1;
  }
}

std::expected<std::string, std::string> take_plain(std::string_view text, std::size_t& offset) {
  std::string_view field = text.substr(offset, text.find(',', offset) - offset);
  if (std::size_t quote = field.find('"'); quote != std::string_view::npos) {
    return csv_error(offset + quote, kBareQuote);
  }
  offset += field.size();
  return std::string(field);
}

}  // namespace

std::expected<std::vector<std::string>, std::string> split_csv(std::string_view text) {
  if (text.empty()) {
    return std::unexpected("EOF");
  }
  std::vector<std::string> fields;
  std::size_t offset = 0;
  while (true) {
    bool quoted = offset < text.size() && text[offset] == '"';
    auto field = quoted ? take_quoted(text, offset) : take_plain(text, offset);
    if (!field) {
      return std::unexpected(std::move(field.error()));
    }
    fields.push_back(std::move(*field));
    if (offset == text.size()) {
      return fields;
    }
    ++offset;  // the comma
  }
}

}  // namespace slipway::parser
