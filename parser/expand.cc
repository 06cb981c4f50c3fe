#include "parser/expand.h"

#include <algorithm>
#include <utility>

#include "parser/expander.h"
#include "parser/quoting.h"
#include "parser/unicode.h"

// The scanning loop. Each level makes its text and the list of words that text would split into;
// only the outermost list is used.

namespace slipway::parser {

namespace {

// ASCII that separates no words.
bool is_plain_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80 && c != ' ' && (c < '\t' || c > '\r');
}

// A character that may start something, in some mode of expansion.
bool may_be_special(char c) {
  return std::string_view("$<'\"\\`}/").contains(c);
}

bool is_plain(std::string_view text, char escape) {
  return text.size() <= kExpandBytesMax && std::ranges::all_of(text, [&](char c) {
           return static_cast<unsigned char>(c) < 0x80 && c != escape && !may_be_special(c);
         });
}

}  // namespace

void WordList::add(char32_t character) {
  if (!is_unicode_space(character)) {
    append_utf8(word_, character);
  } else if (!word_.empty()) {
    words_.push_back(std::exchange(word_, {}));
  }
}

void WordList::add(std::string_view text) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && is_plain_ascii(text[run])) {
      ++run;
    }
    word_.append(text.substr(0, run));
    text.remove_prefix(run);
    if (!text.empty()) {
      Decoded next = decode_utf8(text, 0);
      add(next.character);
      text.remove_prefix(next.size);
    }
  }
}

void WordList::add_whole(char32_t character) {
  append_utf8(word_, character);
}

std::vector<std::string> WordList::take() {
  if (!word_.empty()) {
    words_.push_back(std::move(word_));
  }
  return std::move(words_);
}

Expander::Expander(std::string_view text, const Variables& variables, const ExpandOptions& options)
    : text_(text), variables_(variables), options_(options), keep_escapes_(options.keep_escapes) {
  if (peek() == 0xFEFF) {
    next();  // a byte order mark at the start does not count
  }
}

std::expected<Expansion, std::string> Expander::run() {
  WordList words;
  Text text = expand_until(kEnd, options_.split_words ? &words : nullptr);
  if (!text) {
    return std::unexpected("failed to process " + quote_text(text_) + ": " + text.error());
  }
  return Expansion{std::move(*text),
                   words.take(),
                   {matched_.begin(), matched_.end()},
                   {unmatched_.begin(), unmatched_.end()}};
}

char32_t Expander::peek() const {
  Decoded decoded = decode_utf8(text_, at_);
  return decoded.size == 0 ? kEnd : decoded.character;
}

char32_t Expander::next() {
  Decoded decoded = decode_utf8(text_, at_);
  at_ += decoded.size;
  return decoded.size == 0 ? kEnd : decoded.character;
}

std::optional<std::string_view> Expander::find(const std::string& name) {
  std::optional<std::string_view> value =
      variables_.find(options_.ignore_name_case ? upper_ascii(name) : name);
  (value ? matched_ : unmatched_).insert(name);
  return value;
}

// Everything up to `stop`, which is taken too; up to the end of the text if `stop` is kEnd.
// Without `words` no word list is made.
Expander::Text Expander::expand_until(char32_t stop, WordList* words) {
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
    } else if (!take_run(result, words)) {
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

bool Expander::is_quote(char32_t character) const {
  return !options_.plain_quotes && (character == '\'' || character == '"');
}

Expander::Text Expander::expand_special(char32_t character) {
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

// As many ordinary characters as stand here: most of most texts, so they go in one piece.
bool Expander::take_run(std::string& result, WordList* words) {
  std::size_t end = at_;
  while (end < text_.size() && is_plain_ascii(text_[end]) && !may_be_special(text_[end]) &&
         text_[end] != options_.escape) {
    ++end;
  }
  std::string_view run = text_.substr(at_, end - at_);
  at_ = end;
  result.append(run);
  if (words != nullptr) {
    words->add_whole(run);
  }
  return !run.empty();
}

// An ordinary character, or an escaped one.
void Expander::take_plain(std::string& result, WordList* words) {
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
std::string Expander::take_less_than() {
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

Expander::Text Expander::take_single_quoted() {
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

Expander::Text Expander::take_double_quoted() {
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
void Expander::take_in_double_quotes(std::string& result) {
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

std::expected<Expansion, std::string> expand(std::string_view word, const Variables& variables,
                                             const ExpandOptions& options) {
  // Most words stand for themselves.
  if (!options.split_words && is_plain(word, options.escape)) {
    return Expansion{.text = std::string(word)};
  }
  return Expander(word, variables, options).run();
}

}  // namespace slipway::parser
