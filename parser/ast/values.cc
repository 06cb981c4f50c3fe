#include "parser/ast/values.h"

#include <charconv>
#include <string>

#include "parser/unicode.h"

namespace slipway::parser {

std::optional<bool> parse_boolean(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) {
      return true;
    }
  }
  for (std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) {
      return false;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_binary_size(std::string_view text) {
  std::size_t end = text.find_last_of("0123456789. ");
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string unit = lower_ascii(text.substr(end + 1));
  std::string_view number = text.substr(0, text[end] == ' ' ? end : end + 1);
  double value = 0;
  auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (number.empty() || error != std::errc{} || stop != number.data() + number.size() ||
      !(value >= 0)) {
    return std::nullopt;
  }
  if (!unit.empty() && unit != "b") {
    // k, kb, kib and so on.
    std::size_t power = std::string_view("kmgtp").find(unit[0]);
    std::string_view rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) {
      return std::nullopt;
    }
    for (std::size_t index = 0; index <= power; ++index) {
      value *= 1024;
    }
  }
  constexpr double kLimit = 9223372036854775807.0;
  if (value >= kLimit) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace slipway::parser
