#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "parser/unicode.h"

namespace slipway::parser {

// The separators of instruction words: tab, vertical tab, form feed, carriage return, space.
bool is_separator(char character);

// Text with the place it came from: bytes from the start of its logical line. The text may differ
// from the bytes there (quotes removed, JSON decoded).
struct Word {
  std::string text;
  std::size_t offset = 0;

  bool operator==(const Word&) const = default;
};

// Cut at runs of separators, no quoting. `base` is added to the offsets.
std::vector<Word> split_separators(std::string_view text, std::size_t base = 0);

// Cut at Unicode spaces outside quotes; quotes and escapes stay (language reference 3.5).
std::vector<Word> split_quoted(std::string_view text, char escape, std::size_t base = 0);

// The fields of one CSV record: commas, "..." quoting, "" for a quote. The error is worded as the
// original words it, for instance "EOF" for the empty text.
std::expected<std::vector<std::string>, std::string> split_csv(std::string_view text);

}  // namespace slipway::parser
