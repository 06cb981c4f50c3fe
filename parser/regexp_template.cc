#include "parser/regexp_template.h"

#include <algorithm>
#include <cstddef>

#include "parser/unicode.h"

namespace slipway::parser {

namespace {

bool is_group_character(char32_t character) {
  return is_unicode_letter(character) || is_unicode_digit(character) || character == '_';
}

// After a '$' at `at`: appends what the group reference there gives and moves behind it. A '$' that
// begins no reference is itself.
void append_group(std::string& out, std::string_view replacement, std::size_t& at,
                  std::string_view matched) {
  std::size_t name = at;
  bool brace = replacement.substr(at).starts_with('{');
  name += brace ? 1 : 0;
  std::size_t end = name;
  while (end < replacement.size()) {
    Decoded next = decode_utf8(replacement, end);
    if (!is_group_character(next.character)) {
      break;
    }
    end += next.size;
  }
  bool closed = !brace || (end < replacement.size() && replacement[end] == '}');
  if (end == name || !closed) {
    out.push_back('$');
    return;
  }
  if (replacement.substr(name, end - name) == "0") {
    out.append(matched);
  }
  at = end + (brace ? 1 : 0);
}

}  // namespace

void append_replacement(std::string& out, std::string_view replacement, std::string_view matched) {
  std::size_t at = 0;
  while (at < replacement.size()) {
    std::size_t dollar = std::min(replacement.find('$', at), replacement.size());
    out.append(replacement.substr(at, dollar - at));
    at = dollar + 1;
    if (at < replacement.size() && replacement[at] == '$') {
      out.push_back('$');
      ++at;
    } else if (at <= replacement.size()) {
      append_group(out, replacement, at, matched);
    }
  }
}

}  // namespace slipway::parser
