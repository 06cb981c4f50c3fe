#include "parser/unicode.h"

#include <algorithm>
#include <cstdint>

#include <re2/re2.h>

namespace slipway::parser {

namespace {

// re2 carries the tables of Unicode categories; one character is one match.
bool has_category(char32_t character, const RE2& expression) {
  std::string text;
  append_utf8(text, character);
  return RE2::FullMatch(text, expression);
}

bool is_ascii_letter(char32_t character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

}  // namespace

bool is_unicode_space(char32_t character) {
  if (character < 0x80) {
    return character == ' ' || (character >= '\t' && character <= '\r');
  }
  return character == 0x85 || character == 0xA0 || character == 0x1680 ||
         (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
         character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

bool is_unicode_letter(char32_t character) {
  if (character < 0x80) {
    return is_ascii_letter(character);
  }
  static const RE2 letter("\\p{L}");
  return has_category(character, letter);
}

bool is_unicode_digit(char32_t character) {
  if (character < 0x80) {
    return character >= '0' && character <= '9';
  }
  static const RE2 digit("\\p{Nd}");
  return has_category(character, digit);
}

bool is_unicode_printable(char32_t character) {
  if (character < 0x80) {
    return character >= ' ' && character < 0x7F;
  }
  static const RE2 printable("[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]");
  return has_category(character, printable);
}

Decoded decode_utf8(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) {
    return {0, 0};
  }
  auto byte = [&](std::size_t index) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[index]));
  };
  std::uint32_t first = byte(offset);
  if (first < 0x80) {
    return {first, 1};
  }
  constexpr Decoded kInvalid{kReplacementCharacter, 1};
  std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || offset + size > text.size()) {
    return kInvalid;
  }
  std::uint32_t character = first & (0xFFU >> (size + 1));
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte(offset + index) & 0xC0) != 0x80) {
      return kInvalid;
    }
    character = character << 6 | (byte(offset + index) & 0x3F);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < kSmallest[size] || character > 0x10FFFF || surrogate) {
    return kInvalid;
  }
  return {character, size};
}

void append_utf8(std::string& out, char32_t character) {
  auto add = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (character < 0x80) {
    add(character);
  } else if (character < 0x800) {
    add(0xC0 | character >> 6);
    add(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    add(0xE0 | character >> 12);
    add(0x80 | (character >> 6 & 0x3F));
    add(0x80 | (character & 0x3F));
  } else {
    add(0xF0 | character >> 18);
    add(0x80 | (character >> 12 & 0x3F));
    add(0x80 | (character >> 6 & 0x3F));
    add(0x80 | (character & 0x3F));
  }
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    Decoded next = decode_utf8(text, offset);
    append_utf8(out, next.character);
    offset += next.size;
  }
  return out;
}

std::string_view trim_leading_spaces(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    Decoded next = decode_utf8(text, offset);
    if (!is_unicode_space(next.character)) {
      break;
    }
    offset += next.size;
  }
  return text.substr(offset);
}

std::string_view trim_spaces(std::string_view text) {
  text = trim_leading_spaces(text);
  while (!text.empty()) {
    // Step back over continuation bytes to the start of the last character.
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 &&
           (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) {
      --start;
    }
    Decoded last = decode_utf8(text, start);
    if (start + last.size != text.size() || !is_unicode_space(last.character)) {
      break;
    }
    text.remove_suffix(last.size);
  }
  return text;
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string upper_ascii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return out;
}

bool equal_ignoring_ascii_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && lower_ascii(left) == lower_ascii(right);
}

}  // namespace slipway::parser
