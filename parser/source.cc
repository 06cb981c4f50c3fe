#include "parser/source.h"

#include <algorithm>
#include <vector>

#include "parser/source_rows.h"

namespace slipway::parser {

namespace {

// A line that no window holds is cut; its rest is only counted.
void append_row(std::string& out, std::string_view row) {
  constexpr std::size_t kShownMax = 2000;
  if (row.size() <= kShownMax) {
    out.append(row).append("\n");
    return;
  }
  std::size_t shown = kShownMax;
  while (shown > 0 && (static_cast<unsigned char>(row[shown]) & 0xC0) == 0x80) {
    --shown;  // not within a character
  }
  out.append(row.substr(0, shown));
  out.append("... (").append(std::to_string(row.size() - shown)).append(" more bytes)\n");
}

std::string padded(int number) {
  std::string digits = std::to_string(number);
  return digits.size() < 3 ? std::string(3 - digits.size(), ' ') + digits : digits;
}

}  // namespace

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

std::string render_excerpt(std::string_view file_name, std::string_view text, LineSpan marked) {
  return render_excerpt_of(file_name, rows_of(text), marked);
}

std::string render_excerpt_of(std::string_view file_name, std::span<const std::string_view> rows,
                              LineSpan marked) {
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
    append_row(out, rows[static_cast<std::size_t>(line - 1)]);
  }
  return out.append(kRule);
}

}  // namespace slipway::parser
