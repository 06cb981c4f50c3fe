#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "parser/expand.h"

namespace slipway::parser {

// The words that a text splits into while it is being made.
class WordList {
 public:
  // A character that separates words if it is a space.
  void add(char32_t character);
  void add(std::string_view text);
  // Text that never separates.
  void add_whole(std::string_view text) { word_.append(text); }
  void add_whole(char32_t character);

  std::vector<std::string> take();

 private:
  std::string word_;
  std::vector<std::string> words_;
};

// One expansion under way. One pass over the characters, recursive for ${name:-word} and its kin:
// the word of a modifier is expanded by the same loop, told to stop at '}' (or '/'). Scanning is in
// expand.cc, what stands between braces in expand_braces.cc.
class Expander {
 public:
  Expander(std::string_view text, const Variables& variables, const ExpandOptions& options);

  std::expected<Expansion, std::string> run();

 private:
  using Error = std::unexpected<std::string>;
  using Text = std::expected<std::string, std::string>;

  // No character, as at the end of the text.
  static constexpr char32_t kEnd = 0xFFFFFFFF;

  // What stands between the name and the word of ${name:-word}.
  struct Modifier {
    std::string name;
    std::string text;  // as written: ":-"
    char32_t kind = 0;
    bool empty_is_unset = false;
  };

  char32_t peek() const;
  char32_t next();
  bool at_end() const { return at_ >= text_.size(); }
  std::optional<std::string_view> find(const std::string& name);

  // Everything up to `stop`, which is taken too; up to the end of the text if `stop` is kEnd.
  // Without `words` no word list is made.
  Text expand_until(char32_t stop, WordList* words);
  bool is_quote(char32_t character) const;
  Text expand_special(char32_t character);
  bool take_run(std::string& result, WordList* words);
  void take_plain(std::string& result, WordList* words);
  std::string take_less_than();
  Text take_single_quoted();
  Text take_double_quoted();
  void take_in_double_quotes(std::string& result);

  std::string take_name();
  Text expand_dollar();
  Text expand_braces();
  Text expand_word_modifier(const Modifier& modifier);
  Text expand_replacement(const std::string& name);
  Text take_modifier_word(char32_t stop, bool keep_escapes, std::string_view missing);
  static Text unsupported(const Modifier& modifier);
  static Text required(const std::string& name, const std::string& word, bool set);

  std::string_view text_;
  const Variables& variables_;
  const ExpandOptions& options_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool keep_escapes_ = false;
  std::set<std::string> matched_;
  std::set<std::string> unmatched_;
};

}  // namespace slipway::parser
