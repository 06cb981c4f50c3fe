#include "parser/words.h"

#include <utility>

#include "parser/unicode.h"

namespace slipway::parser {

bool is_separator(char character) {
  return character == ' ' || character == '\t' || character == '\v' || character == '\f' ||
         character == '\r';
}

std::vector<Word> split_separators(std::string_view text, std::size_t base) {
  std::vector<Word> words;
  std::size_t offset = 0;
  while (offset < text.size()) {
    if (is_separator(text[offset])) {
      ++offset;
      continue;
    }
    std::size_t end = offset;
    while (end < text.size() && !is_separator(text[end])) {
      ++end;
    }
    words.push_back({std::string(text.substr(offset, end - offset)), base + offset});
    offset = end;
  }
  return words;
}

namespace {

// The state of split_quoted between two characters.
struct QuotedSplitter {
  std::string_view text;
  char escape;
  std::size_t base;
  std::vector<Word> words;
  Word word;
  char quote = '\0';  // the open quote
  bool in_word = false;
  bool had_quote = false;  // makes an empty word count

  void finish_word() {
    if (had_quote || !word.text.empty()) {
      words.push_back(std::move(word));
    }
    word = {};
    in_word = had_quote = false;
  }

  // Takes the character at `offset`; gives the offset of the next one.
  std::size_t take(std::size_t offset) {
    Decoded next = decode_utf8(text, offset);
    if (quote == '\0' && is_unicode_space(next.character)) {
      finish_word();
      return offset + next.size;
    }
    if (!in_word) {
      in_word = true;
      word.offset = base + offset;
    }
    char first = text[offset];
    if (first == escape && quote != '\'') {
      return take_escaped(offset);
    }
    if (quote == '\0' && (first == '\'' || first == '"')) {
      quote = first;
      had_quote = true;
    } else if (first == quote) {
      quote = '\0';
    }
    word.text.append(text.substr(offset, next.size));
    return offset + next.size;
  }

  std::size_t take_escaped(std::size_t offset) {
    if (offset + 1 == text.size()) {
      return offset + 1;  // at the very end it is dropped
    }
    Decoded next = decode_utf8(text, offset + 1);
    word.text.append(text.substr(offset, 1 + next.size));
    return offset + 1 + next.size;
  }
};

}  // namespace

std::vector<Word> split_quoted(std::string_view text, char escape, std::size_t base) {
  QuotedSplitter splitter{.text = text, .escape = escape, .base = base};
  std::size_t offset = 0;
  while (offset < text.size()) {
    offset = splitter.take(offset);
  }
  splitter.finish_word();
  return std::move(splitter.words);
}

}  // namespace slipway::parser
