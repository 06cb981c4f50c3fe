#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ignore.h"

namespace re2 {
class RE2;
}

namespace slipway::parser {

// One pattern made ready (language reference 12.3).
class CompiledPattern {
 public:
  // `text` is cleaned, with its '!'. The error is «syntax error in pattern».
  static std::expected<CompiledPattern, std::string> compile(std::string_view text);

  bool exclusion() const { return exclusion_; }
  PatternMatcher::MatchKind kind() const { return kind_; }
  const std::string& regexp() const { return regexp_; }

  // The path itself, not its parents; for kRegexp it must be valid UTF-8.
  bool matches(std::string_view path) const;

  // False only if no path strictly below the folder can match.
  bool may_match_below(std::string_view folder) const;

 private:
  bool exclusion_ = false;
  std::string pattern_;  // without '!'
  PatternMatcher::MatchKind kind_ = PatternMatcher::MatchKind::kExact;
  std::string regexp_;  // empty unless kRegexp
  std::shared_ptr<const re2::RE2> compiled_;
  // Literal text that a matching path must begin and end with: cheaper to test than the expression.
  std::string start_;
  std::string end_;
  // The parts between slashes of a pattern whose wildcards stay within a part; else empty.
  std::vector<std::string> parts_;
};

}  // namespace slipway::parser
