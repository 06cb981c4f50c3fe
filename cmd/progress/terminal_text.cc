#include "cmd/progress/terminal_text.h"

#include <algorithm>
#include <array>

#include "parser/unicode.h"

namespace slipway::cmd {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The large blocks that terminals show two columns wide. A character that is missing here makes a
// line a column too long for its window, no more.
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD},
};
constexpr std::array kCombining = {
    Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0x20D0, 0x20FF},
    Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F},
};

template <typename Ranges>
bool is_in(const Ranges& ranges, char32_t character) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return character >= range.first && character <= range.last;
  });
}

std::size_t columns_of(char32_t character) {
  return is_in(kCombining, character) ? 0 : is_in(kWide, character) ? 2 : 1;
}

bool is_between(char byte, char first, char last) {
  return byte >= first && byte <= last;
}

// How many bytes the escape sequence at the start of `text` takes (ECMA-48, 5.4 and 5.6): CSI with
// parameters up to its final byte, a string up to its terminator, else two bytes.
std::size_t sequence_bytes(std::string_view text) {
  if (text.size() < 2) {
    return text.size();
  }
  std::size_t at = 2;
  if (text[1] == '[') {
    while (at < text.size() && is_between(text[at], 0x20, 0x3F)) {
      ++at;
    }
    return std::min(at + 1, text.size());
  }
  if (std::string_view("]PX^_").find(text[1]) == std::string_view::npos) {
    return at;
  }
  while (at < text.size() && text[at] != '\a' && text[at] != '\x1b') {
    ++at;
  }
  bool ends_in_backslash = at + 1 < text.size() && text[at] == '\x1b' && text[at + 1] == '\\';
  return std::min(at + (ends_in_backslash ? 2 : 1), text.size());
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text.front() == '\x1b') {
      text.remove_prefix(sequence_bytes(text));
      continue;
    }
    parser::Decoded next = parser::decode_utf8(text, 0);
    bool is_control = next.character < 0x20 || (next.character >= 0x7F && next.character < 0xA0);
    bool is_bad = next.size == 1 && next.character >= 0x80;
    if (text.front() == '\t') {
      out.push_back(' ');
    } else if (is_control || is_bad) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, next.size));
    }
    text.remove_prefix(next.size);
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    parser::Decoded next = parser::decode_utf8(text, at);
    columns += columns_of(next.character);
    at += next.size;
  }
  return columns;
}

std::string fitted(std::string_view text, std::size_t columns) {
  if (text.size() <= columns || columns_of(text) <= columns) {
    return std::string(text);
  }
  std::size_t used = 1;  // for the "…"
  std::size_t at = 0;
  while (at < text.size()) {
    parser::Decoded next = parser::decode_utf8(text, at);
    used += columns_of(next.character);
    if (used > columns) {
      break;
    }
    at += next.size;
  }
  return columns == 0 ? std::string() : std::string(text.substr(0, at)) + "…";
}

}  // namespace slipway::cmd
