#include "parser/source.h"

#include <algorithm>
#include <vector>

namespace slipway::parser {

namespace {

// Split at every newline: a final one counts as starting one more, empty, row.
std::vector<std::string_view> rows_of(std::string_view text) {
  std::vector<std::string_view> rows;
  std::size_t start = 0;
  while (true) {
    std::size_t end = text.find('\n', start);
    rows.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) {
      return rows;
    }
    start = end + 1;
  }
}

std::string padded(int number) {
  std::string digits = std::to_string(number);
  return digits.size() < 3 ? std::string(3 - digits.size(), ' ') + digits : digits;
}

}  // namespace

std::string render_excerpt(std::string_view file_name, std::string_view text, LineSpan marked) {
  std::vector<std::string_view> rows = rows_of(text);
  int count = static_cast<int>(rows.size());
  if (marked.first < 1 || marked.first > count || marked.last < marked.first) {
    return {};
  }
  int last = std::min(marked.last, count);
  int around = last == marked.first ? 2 : 1;
  constexpr std::string_view kRule = "--------------------\n";
  std::string out(file_name);
  out.append(":").append(std::to_string(marked.first)).append("\n").append(kRule);
  for (int line = std::max(1, marked.first - around); line <= std::min(count, last + around);
       ++line) {
    out.append(" ").append(padded(line)).append(marked.contains(line) ? " | >>> " : " |     ");
    out.append(rows[static_cast<std::size_t>(line - 1)]).append("\n");
  }
  return out.append(kRule);
}

}  // namespace slipway::parser
