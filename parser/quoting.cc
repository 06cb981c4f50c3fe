#include "parser/quoting.h"

#include <cstdint>

#include "parser/unicode.h"

namespace slipway::parser {

namespace {

void append_hex(std::string& out, std::string_view prefix, std::uint32_t value, int digits) {
  out.append(prefix);
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[value >> shift & 0xF]);
  }
}

// The letter of a one-letter escape, or 0.
char escape_letter(char32_t character) {
  switch (character) {
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '"':
      return '"';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

void append_character(std::string& out, std::string_view bytes, char32_t character) {
  if (char letter = escape_letter(character); letter != 0) {
    out.push_back('\\');
    out.push_back(letter);
  } else if (bytes.size() == 1 && character == kReplacementCharacter) {
    append_hex(out, "\\x", static_cast<unsigned char>(bytes[0]), 2);
  } else if (is_unicode_printable(character) || character == kReplacementCharacter) {
    out.append(bytes);
  } else if (character < 0x80) {
    append_hex(out, "\\x", character, 2);
  } else if (character < 0x10000) {
    append_hex(out, "\\u", character, 4);
  } else {
    append_hex(out, "\\U", character, 8);
  }
}

}  // namespace

std::string quote_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t offset = 0; offset < text.size();) {
    Decoded next = decode_utf8(text, offset);
    append_character(out, text.substr(offset, next.size), next.character);
    offset += next.size;
  }
  out.push_back('"');
  return out;
}

std::string quote_list(std::span<const std::string> texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    out.append(out.size() > 1 ? " " : "").append(quote_text(text));
  }
  return out.append("]");
}

std::string bracket_list(std::span<const std::string> texts) {
  std::string out = "[";
  bool first = true;
  for (const std::string& text : texts) {
    out.append(first ? "" : " ").append(text);
    first = false;
  }
  return out.append("]");
}

}  // namespace slipway::parser
