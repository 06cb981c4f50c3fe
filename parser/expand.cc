#include "parser/expand.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "parser/quoting.h"
#include "parser/shell_pattern.h"
#include "parser/unicode.h"

// One pass over the characters, recursive for ${name:-word} and its kin: the word of a modifier is
// expanded by the same loop, told to stop at '}' (or '/'). Each level makes its text and the list
// of words that text would split into; only the outermost list is used.

namespace slipway::parser {

namespace {

// No character, as at the end of the text.
constexpr char32_t kEnd = 0xFFFFFFFF;

using Text = std::expected<std::string, std::string>;

class WordList {
 public:
  // A character that separates words if it is a space.
  void add(char32_t character) {
    if (!is_unicode_space(character)) {
      append_utf8(word_, character);
    } else if (!word_.empty()) {
      words_.push_back(std::exchange(word_, {}));
    }
  }
  void add(std::string_view text) {
    for (std::size_t offset = 0; offset < text.size();) {
      Decoded next = decode_utf8(text, offset);
      add(next.character);
      offset += next.size;
    }
  }
  // Text that never separates.
  void add_whole(std::string_view text) { word_.append(text); }
  void add_whole(char32_t character) { append_utf8(word_, character); }

  std::vector<std::string> take() {
    if (!word_.empty()) {
      words_.push_back(std::move(word_));
    }
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

bool is_special_parameter(char32_t character) {
  return character < 0x80 && std::string_view("@*#?-$!0").contains(static_cast<char>(character));
}

class Expander {
 public:
  Expander(std::string_view text, const Variables& variables, const ExpandOptions& options)
      : text_(text), variables_(variables), options_(options) {
    keep_escapes_ = options.keep_escapes;
    if (peek() == 0xFEFF) {
      next();  // a byte order mark at the start does not count
    }
  }

  std::expected<Expansion, std::string> run() {
    WordList words;
    Text text = expand_until(kEnd, &words);
    if (!text) {
      return std::unexpected("failed to process " + quote_text(text_) + ": " + text.error());
    }
    return Expansion{std::move(*text),
                     words.take(),
                     {matched_.begin(), matched_.end()},
                     {unmatched_.begin(), unmatched_.end()}};
  }

 private:
  using Error = std::unexpected<std::string>;

  char32_t peek() const {
    Decoded decoded = decode_utf8(text_, at_);
    return decoded.size == 0 ? kEnd : decoded.character;
  }

  char32_t next() {
    Decoded decoded = decode_utf8(text_, at_);
    at_ += decoded.size;
    return decoded.size == 0 ? kEnd : decoded.character;
  }

  bool at_end() const { return at_ >= text_.size(); }

  std::optional<std::string_view> find(const std::string& name) {
    std::optional<std::string_view> value =
        variables_.find(options_.ignore_name_case ? upper_ascii(name) : name);
    (value ? matched_ : unmatched_).insert(name);
    return value;
  }

  // Everything up to `stop`, which is taken too; up to the end of the text if `stop` is kEnd.
  // Without `words` no word list is made.
  Text expand_until(char32_t stop, WordList* words) {
    std::string result;
    while (!at_end()) {
      char32_t character = peek();
      if (character == stop) {
        next();
        return result;
      }
      if (character == '$' || character == '<' || is_quote(character)) {
        Text piece = expand_special(character);
        if (!piece) {
          return piece;
        }
        result.append(*piece);
        if (words != nullptr) {
          character == '$' ? words->add(std::string_view(*piece)) : words->add_whole(*piece);
        }
      } else {
        take_plain(result, words);
      }
      if (result.size() > kExpandBytesMax) {
        return Error("result is larger than " + std::to_string(kExpandBytesMax) + " bytes");
      }
    }
    if (stop != kEnd) {
      std::string message = "unexpected end of statement while looking for matching ";
      append_utf8(message, stop);
      return Error(std::move(message));
    }
    return result;
  }

  bool is_quote(char32_t character) const {
    return !options_.plain_quotes && (character == '\'' || character == '"');
  }

  Text expand_special(char32_t character) {
    switch (character) {
      case '$':
        return expand_dollar();
      case '<':
        return take_less_than();
      case '\'':
        return take_single_quoted();
      default:
        return take_double_quoted();
    }
  }

  // An ordinary character, or an escaped one.
  void take_plain(std::string& result, WordList* words) {
    char32_t character = next();
    bool escaped = character == static_cast<unsigned char>(options_.escape);
    if (escaped) {
      if (keep_escapes_) {
        append_utf8(result, character);
        if (words != nullptr) {
          words->add_whole(character);
        }
      }
      character = next();
      if (character == kEnd) {
        return;
      }
    }
    append_utf8(result, character);
    if (words != nullptr) {
      escaped ? words->add_whole(character) : words->add(character);
    }
  }

  // Spaces after "<<" belong to it, so that `<< EOF` is one word and can be a heredoc.
  std::string take_less_than() {
    next();
    std::string result = "<";
    if (peek() == '<') {
      next();
      result.push_back('<');
      while (!at_end() && is_unicode_space(peek())) {
        append_utf8(result, next());
      }
    }
    return result;
  }

  Text take_single_quoted() {
    std::string result;
    char32_t quote = next();
    if (options_.keep_quotes) {
      append_utf8(result, quote);
    }
    while (!at_end()) {
      char32_t character = next();
      if (character == quote) {
        if (options_.keep_quotes) {
          append_utf8(result, quote);
        }
        return result;
      }
      append_utf8(result, character);
    }
    return Error("unexpected end of statement while looking for matching single-quote");
  }

  Text take_double_quoted() {
    std::string result;
    char32_t quote = next();
    if (options_.keep_quotes) {
      append_utf8(result, quote);
    }
    while (!at_end()) {
      if (peek() == quote) {
        next();
        if (options_.keep_quotes) {
          append_utf8(result, quote);
        }
        return result;
      }
      if (peek() == '$') {
        Text value = expand_dollar();
        if (!value) {
          return value;
        }
        result.append(*value);
      } else {
        take_in_double_quotes(result);
      }
      if (result.size() > kExpandBytesMax) {
        return Error("result is larger than " + std::to_string(kExpandBytesMax) + " bytes");
      }
    }
    return Error("unexpected end of statement while looking for matching double-quote");
  }

  // The escape character goes away only before a quote, a dollar or itself.
  void take_in_double_quotes(std::string& result) {
    char32_t character = next();
    if (character == static_cast<unsigned char>(options_.escape)) {
      if (keep_escapes_) {
        append_utf8(result, character);
      }
      if (at_end()) {
        return;
      }
      if (char32_t after = peek(); after == '"' || after == '$' || after == character) {
        character = next();
      }
    }
    append_utf8(result, character);
  }

  std::string take_name() {
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

  Text expand_dollar() {
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
  Text expand_braces() {
    if (at_end()) {
      return Error("syntax error: missing '}'");
    }
    if (char32_t first = peek(); first == '{' || first == '}' || first == ':') {
      return Error("syntax error: bad substitution");
    }
    Modifier modifier{.name = take_name()};
    char32_t character = next();
    append_character(modifier.text, character);
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
      append_character(modifier.text, character);
    }
    modifier.kind = character;
    bool known =
        character < 0x80 && std::string_view("+-?#%").contains(static_cast<char>(character));
    if (modifier.empty_is_unset || known) {
      return expand_word_modifier(modifier);
    }
    return character == '/' ? expand_replacement(modifier.name) : unsupported(modifier);
  }

  struct Modifier {
    std::string name;
    std::string text;  // as written: ":-"
    char32_t kind = 0;
    bool empty_is_unset = false;
  };

  static void append_character(std::string& out, char32_t character) {
    append_utf8(out, character == kEnd ? kReplacementCharacter : character);
  }

  static Text unsupported(const Modifier& modifier) {
    return Error("unsupported modifier (" + modifier.text + ") in substitution");
  }

  // The word of a modifier, up to `stop`. Whatever is wrong in it, at the end of the text the
  // closing character is what is missing.
  Text take_modifier_word(char32_t stop, bool keep_escapes, std::string_view missing) {
    bool before = std::exchange(keep_escapes_, keep_escapes);
    Text word = expand_until(stop, nullptr);
    keep_escapes_ = before;
    if (!word && at_end()) {
      return Error("syntax error: missing " + std::string(missing));
    }
    return word;
  }

  Text expand_word_modifier(const Modifier& modifier) {
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

  static Text required(const std::string& name, const std::string& word, bool set) {
    if (!word.empty()) {
      return Error(name + ": " + word);
    }
    return Error(name + (set ? ": is not allowed to be empty" : ": is not allowed to be unset"));
  }

  // A second '#' or '%' asks for the longest match.
  static Text trim(char32_t kind, std::string_view word, std::string_view value) {
    PatternMatch match = PatternMatch::kShortest;
    if (!word.empty() && static_cast<unsigned char>(word.front()) == kind) {
      match = PatternMatch::kLongest;
      word.remove_prefix(1);
    }
    return kind == '#' ? remove_prefix(value, word, match) : remove_suffix(value, word, match);
  }

  // After "${name/".
  Text expand_replacement(const std::string& name) {
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
      return "${" + name + (all ? "//" : "/") + *pattern + "/" + *replacement + "}";
    }
    return all ? replace_all(value.value_or(""), *pattern, *replacement)
               : replace_first(value.value_or(""), *pattern, *replacement);
  }

  std::string_view text_;
  const Variables& variables_;
  const ExpandOptions& options_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool keep_escapes_ = false;
  std::set<std::string> matched_;
  std::set<std::string> unmatched_;
};

}  // namespace

std::expected<Expansion, std::string> expand(std::string_view word, const Variables& variables,
                                             const ExpandOptions& options) {
  return Expander(word, variables, options).run();
}

}  // namespace slipway::parser
