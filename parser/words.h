#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::parser {

// Unicode White_Space.
bool is_unicode_space(char32_t character);
// Unicode letters and decimal digits, as variable names know them.
bool is_unicode_letter(char32_t character);
bool is_unicode_digit(char32_t character);

// One character of UTF-8 text. Bytes that are no UTF-8 decode one by one as U+FFFD.
struct Decoded {
  char32_t character = 0;
  std::size_t size = 0;  // in bytes; 0 only at the end of the text
};
Decoded decode_utf8(std::string_view text, std::size_t offset);
void append_utf8(std::string& out, char32_t character);

// Without Unicode spaces at both ends, or at the start.
std::string_view trim_spaces(std::string_view text);
std::string_view trim_leading_spaces(std::string_view text);

// A to Z only; other bytes stay.
std::string lower_ascii(std::string_view text);
std::string upper_ascii(std::string_view text);
bool equal_ignoring_ascii_case(std::string_view left, std::string_view right);

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
