#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace slipway::base {

namespace text_detail {

inline void append(std::string& out, std::string_view piece) {
  out.append(piece);
}
inline void append(std::string& out, char piece) {
  out.push_back(piece);
}
template <typename Number>
  requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, char> &&
           !std::is_same_v<Number, bool>)
void append(std::string& out, Number number) {
  char digits[64];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, error == std::errc{} ? end : digits);
}

}  // namespace text_detail

// Joins strings, characters and numbers: cat("layer ", 3, " of ", name). The locale plays no part.
template <typename... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string out;
  (text_detail::append(out, pieces), ...);
  return out;
}

// "a,b,,c" at ',' gives {"a","b","","c"}; the empty text gives {""}.
std::vector<std::string_view> split(std::string_view text, char separator);

// The text before and after the first separator; nothing where there is none.
struct TextPair {
  std::string_view before;
  std::string_view after;
};
std::optional<TextPair> split_once(std::string_view text, char separator);

std::string join(const std::vector<std::string>& pieces, std::string_view separator);

// Without ASCII white space (space, \t, \n, \v, \f, \r) at both ends.
std::string_view trim(std::string_view text);

// A to Z only; other bytes stay.
std::string to_lower_ascii(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);

// The text in double quotes with quotes, backslashes and control characters escaped, for messages.
std::string quote(std::string_view text);

// The whole text as a number in the base, or nothing: no sign but '-' for signed types, no space,
// no overflow.
template <typename Integer>
std::optional<Integer> parse_integer(std::string_view text, int radix = 10) {
  Integer value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// Lower-case hexadecimal of the bytes; the inverse takes both cases and refuses odd lengths and
// other characters.
std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);

// RFC 4648 section 4, with padding; the inverse also takes unpadded text and refuses any other
// character.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Percent-encodes all but RFC 3986 "unreserved" characters and those of `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");

}  // namespace slipway::base
