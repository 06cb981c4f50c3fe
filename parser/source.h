#pragma once

#include <string>
#include <string_view>

namespace slipway::parser {

// Physical lines of a Dockerfile, counted from 1, both ends included. {0, 0} is "no place".
struct LineSpan {
  int first = 0;
  int last = 0;

  bool contains(int line) const { return line >= first && line <= last; }
  bool operator==(const LineSpan&) const = default;
  auto operator<=>(const LineSpan&) const = default;
};

// A place in the text: line from 1, column from 0 in bytes.
struct Position {
  int line = 0;
  int column = 0;

  bool operator==(const Position&) const = default;
  auto operator<=>(const Position&) const = default;
};

// The lines around the marked ones, as a user sees them under an error (language reference 11.1):
//
//   Dockerfile:3
//   --------------------
//      1 |     FROM alpine
//      2 |     ENV foo=bar
//      3 | >>> COPY --foo=bar / /
//      4 |     ENV bar=baz
//   --------------------
//
// One marked line has two lines of context on each side, several have one. Every row ends with a
// newline. Empty where the span lies outside the text.
std::string render_excerpt(std::string_view file_name, std::string_view text, LineSpan marked);

}  // namespace slipway::parser
