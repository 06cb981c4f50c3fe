#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Characters of UTF-8 text as the Dockerfile language classes them.

namespace slipway::parser {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// Unicode White_Space.
bool is_unicode_space(char32_t character);
// Unicode letters and decimal digits, as variable names know them.
bool is_unicode_letter(char32_t character);
bool is_unicode_digit(char32_t character);
// Letters, marks, numbers, punctuation, symbols and the ASCII space.
bool is_unicode_printable(char32_t character);

// One character of UTF-8 text. Bytes that are no UTF-8 decode one by one as U+FFFD.
struct Decoded {
  char32_t character = 0;
  std::size_t size = 0;  // in bytes; 0 only at the end of the text
};
Decoded decode_utf8(std::string_view text, std::size_t offset);
void append_utf8(std::string& out, char32_t character);

// The text with every byte that is no UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

// Without Unicode spaces at both ends, or at the start.
std::string_view trim_spaces(std::string_view text);
std::string_view trim_leading_spaces(std::string_view text);

// A to Z only; other bytes stay.
std::string lower_ascii(std::string_view text);
std::string upper_ascii(std::string_view text);
bool equal_ignoring_ascii_case(std::string_view left, std::string_view right);

}  // namespace slipway::parser
