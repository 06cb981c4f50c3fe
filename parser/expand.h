#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "parser/variables.h"

// Word expansion (language reference, section 5): $name, ${name}, ${name:-word} and the other
// modifiers, quotes and escapes.

namespace slipway::parser {

struct ExpandOptions {
  char escape = '\\';             // the file's escape character
  bool plain_quotes = false;      // quotes are ordinary characters (heredoc bodies)
  bool keep_quotes = false;       // quotes stay in the result (step names, heredoc detection)
  bool keep_escapes = false;      // escape characters stay in the result (heredoc detection)
  bool skip_unset = false;        // unset variables are written back as they were
  bool ignore_name_case = false;  // names as on Windows: found whatever their case
  bool split_words = false;       // words mode: Expansion::words is made, too

  // The variants that have a name. Heredoc bodies always escape with a backslash.
  static ExpandOptions heredoc_body() { return {.plain_quotes = true}; }
  static ExpandOptions step_name(char escape) {
    return {.escape = escape, .keep_quotes = true, .skip_unset = true};
  }
};

struct Expansion {
  std::string text;                    // single word mode: spaces in it are kept
  std::vector<std::string> words;      // if asked for: split at unquoted space, also in values
  std::vector<std::string> matched;    // names used that were set; sorted, unique
  std::vector<std::string> unmatched;  // names used that were not set; sorted, unique
};

// The error is complete: «failed to process "<word>": <reason>». Nesting of ${...} deeper than
// kExpandDepthMax and results longer than kExpandBytesMax are errors of our own.
std::expected<Expansion, std::string> expand(std::string_view word, const Variables& variables,
                                             const ExpandOptions& options = {});

// Deep enough for any file written by a person, shallow enough for the stack.
inline constexpr int kExpandDepthMax = 100;
// A hostile file doubles a variable per line; this stops it early.
inline constexpr std::size_t kExpandBytesMax = std::size_t{16} << 20;

}  // namespace slipway::parser
