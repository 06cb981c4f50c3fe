#pragma once

#include <expected>
#include <string>
#include <string_view>

// The patterns of ${v#p}, ${v%p} and ${v/p/r} (language reference 5.2): `?` and `*` do not match a
// newline, a backslash makes `*`, `?` and `\` literal, `\}` and `\/` stand for `}` and `/`.

namespace slipway::parser {

enum class PatternMatch { kShortest, kLongest };

// Errors: «invalid pattern (<p>) in substitution: invalid escape '\<c>'», and one of our own where
// pattern and value together would cost too much time.
std::expected<std::string, std::string> remove_prefix(std::string_view value,
                                                      std::string_view pattern, PatternMatch match);
std::expected<std::string, std::string> remove_suffix(std::string_view value,
                                                      std::string_view pattern, PatternMatch match);

// The first longest match from the left, replaced by the text as it is.
std::expected<std::string, std::string> replace_first(std::string_view value,
                                                      std::string_view pattern,
                                                      std::string_view replacement);
// Every match; in the replacement `$name` and `${name}` are groups of a regular expression: `$0`
// is the match, all others are empty, `$$` is a dollar.
std::expected<std::string, std::string> replace_all(std::string_view value,
                                                    std::string_view pattern,
                                                    std::string_view replacement);

}  // namespace slipway::parser
