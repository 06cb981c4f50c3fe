#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// .dockerignore files and the pattern lists of COPY --exclude and --parents (language reference,
// section 12). The last pattern that decides wins; a pattern that matches a folder covers all
// below.

namespace slipway::parser {

struct IgnorePattern {
  std::string text;  // cleaned; with its leading '!'
  int line = 0;      // in the ignore file; 0 where there is none

  bool operator==(const IgnorePattern&) const = default;
};

// The patterns of an ignore file. The error is «failed parsing .dockerignore: bufio.Scanner: token
// too long» for a line beyond 64 KiB.
std::expected<std::vector<IgnorePattern>, std::string> read_ignore_file(std::string_view text);

// Patterns made ready for matching. Copies share the compiled form; matching is const and may be
// done by many threads at once.
class PatternMatcher {
 public:
  // How a pattern is tested; kRegexp is the only costly one.
  enum class MatchKind { kExact, kPrefix, kSuffix, kRegexp };

  // What is known about a path: for every pattern, does it match the path or one of its parents?
  // Carry it from a folder to what lies in it. Start with the default value at the root.
  class State {
   public:
    bool operator==(const State&) const = default;

   private:
    friend class PatternMatcher;
    std::vector<std::uint64_t> matched_;  // one bit per pattern; empty: none matched
  };

  struct Decision {
    bool ignored = false;
    // Index into patterns() of the one that decided, nothing where no pattern applied.
    std::optional<std::size_t> pattern;
  };

  PatternMatcher();
  // Errors: «illegal exclusion pattern: "!"», «syntax error in pattern». Empty patterns are
  // dropped, others cleaned and trimmed.
  static std::expected<PatternMatcher, std::string> compile(
      const std::vector<IgnorePattern>& patterns);
  static std::expected<PatternMatcher, std::string> compile(
      const std::vector<std::string>& patterns);

  // Is the path ignored? Relative, '/' between names. Tests the path and each of its parents;
  // in a walk use the other one.
  Decision match(std::string_view path) const;

  // The same in a walk: `parent` is the state of the folder that holds the path (default value at
  // the root), and the state of the path itself is left in `state` (not read; may be null for a
  // file). Each pattern is tried on each path once, and not at all below a folder it matched.
  Decision match(std::string_view path, const State& parent, State* state) const;

  // Has any pattern a '!'? If so, an ignored folder may still hold files that are not ignored.
  bool has_exclusions() const;
  // Can something below this ignored folder be brought back by a '!' pattern? False only when that
  // is certain: the folder need not be walked.
  bool may_hold_exceptions(std::string_view folder) const;

  bool empty() const;
  // In order, without those dropped: cleaned, with '!' and line.
  const std::vector<IgnorePattern>& patterns() const;

  // For tests of the translation.
  MatchKind kind(std::size_t pattern) const;
  const std::string& regexp(std::size_t pattern) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace slipway::parser
