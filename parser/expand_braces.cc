#include <utility>

#include "parser/expander.h"
#include "parser/shell_pattern.h"
#include "parser/unicode.h"

// What follows a dollar: names, and what modifiers do with their values.

namespace slipway::parser {

namespace {

bool is_special_parameter(char32_t character) {
  return character < 0x80 && std::string_view("@*#?-$!0").contains(static_cast<char>(character));
}

void append_character(std::string& out, char32_t character, char32_t end) {
  append_utf8(out, character == end ? kReplacementCharacter : character);
}

// A second '#' or '%' asks for the longest match.
std::expected<std::string, std::string> trim(char32_t kind, std::string_view word,
                                             std::string_view value) {
  PatternMatch match = PatternMatch::kShortest;
  if (!word.empty() && static_cast<unsigned char>(word.front()) == kind) {
    match = PatternMatch::kLongest;
    word.remove_prefix(1);
  }
  return kind == '#' ? remove_prefix(value, word, match) : remove_suffix(value, word, match);
}

}  // namespace

std::string Expander::take_name() {
  std::string name;
  if (is_unicode_digit(peek())) {
    while (!at_end() && is_unicode_digit(peek())) {
      append_utf8(name, next());
    }
    return name;
  }
  if (!at_end() && is_special_parameter(peek())) {
    append_utf8(name, next());
    return name;
  }
  while (!at_end() && (is_unicode_letter(peek()) || is_unicode_digit(peek()) || peek() == '_')) {
    append_utf8(name, next());
  }
  return name;
}

Expander::Text Expander::expand_dollar() {
  next();
  if (peek() == '{') {
    next();
    if (depth_ == kExpandDepthMax) {
      return Error("${...} is nested more than " + std::to_string(kExpandDepthMax) + " deep");
    }
    ++depth_;
    Text result = expand_braces();
    --depth_;
    return result;
  }
  std::string name = take_name();
  if (name.empty()) {
    return "$";
  }
  std::optional<std::string_view> value = find(name);
  if (!value && options_.skip_unset) {
    return "$" + name;
  }
  return std::string(value.value_or(""));
}

// After "${".
Expander::Text Expander::expand_braces() {
  if (at_end()) {
    return Error("syntax error: missing '}'");
  }
  if (char32_t first = peek(); first == '{' || first == '}' || first == ':') {
    return Error("syntax error: bad substitution");
  }
  Modifier modifier{.name = take_name()};
  char32_t character = next();
  append_character(modifier.text, character, kEnd);
  if (character == '}') {
    std::optional<std::string_view> value = find(modifier.name);
    if (!value && options_.skip_unset) {
      return "${" + modifier.name + "}";
    }
    return std::string(value.value_or(""));
  }
  if (character == ':') {
    modifier.empty_is_unset = true;
    character = next();
    append_character(modifier.text, character, kEnd);
  }
  modifier.kind = character;
  bool known = character < 0x80 && std::string_view("+-?#%").contains(static_cast<char>(character));
  if (modifier.empty_is_unset || known) {
    return expand_word_modifier(modifier);
  }
  return character == '/' ? expand_replacement(modifier.name) : unsupported(modifier);
}

Expander::Text Expander::unsupported(const Modifier& modifier) {
  return Error("unsupported modifier (" + modifier.text + ") in substitution");
}

// The word of a modifier, up to `stop`. Whatever is wrong in it, at the end of the text the
// closing character is what is missing.
Expander::Text Expander::take_modifier_word(char32_t stop, bool keep_escapes,
                                            std::string_view missing) {
  bool before = std::exchange(keep_escapes_, keep_escapes);
  Text word = expand_until(stop, nullptr);
  keep_escapes_ = before;
  if (!word && at_end()) {
    return Error("syntax error: missing " + std::string(missing));
  }
  return word;
}

Expander::Text Expander::expand_word_modifier(const Modifier& modifier) {
  bool is_pattern = modifier.kind == '#' || modifier.kind == '%';
  if (is_pattern && modifier.empty_is_unset) {
    return unsupported(modifier);
  }
  Text word = take_modifier_word('}', is_pattern, "'}'");
  if (!word) {
    return word;
  }
  std::optional<std::string_view> value = find(modifier.name);
  if (!value && options_.skip_unset) {
    return "${" + modifier.name + modifier.text + *word + "}";
  }
  bool counts = value && !(modifier.empty_is_unset && value->empty());
  switch (modifier.kind) {
    case '-':
      return counts ? std::string(*value) : std::move(*word);
    case '+':
      return counts ? std::move(*word) : std::string();
    case '?':
      if (!counts) {
        return required(modifier.name, *word, value.has_value());
      }
      return std::string(*value);
    case '#':
    case '%':
      return trim(modifier.kind, *word, value.value_or(""));
    default:
      return unsupported(modifier);
  }
}

Expander::Text Expander::required(const std::string& name, const std::string& word, bool set) {
  if (!word.empty()) {
    return Error(name + ": " + word);
  }
  return Error(name + (set ? ": is not allowed to be empty" : ": is not allowed to be unset"));
}

// After "${name/".
Expander::Text Expander::expand_replacement(const std::string& name) {
  bool all = peek() == '/';
  if (all) {
    next();
  }
  Text pattern = take_modifier_word('/', true, "'/' in ${}");
  if (!pattern) {
    return pattern;
  }
  Text replacement = take_modifier_word('}', true, "'}'");
  if (!replacement) {
    return replacement;
  }
  std::optional<std::string_view> value = find(name);
  if (!value && options_.skip_unset) {
    // One slash whatever was written, as the original has it: step names show it.
    return "${" + name + "/" + *pattern + "/" + *replacement + "}";
  }
  return all ? replace_all(value.value_or(""), *pattern, *replacement)
             : replace_first(value.value_or(""), *pattern, *replacement);
}

}  // namespace slipway::parser
