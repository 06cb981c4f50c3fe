#include "parser/ignore.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "parser/glob.h"
#include "parser/ignore_pattern.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

constexpr std::size_t kIgnoreLineMax = 65535;

// The pattern of one line, or empty.
std::string read_pattern(std::string_view line) {
  if (line.starts_with('#')) {
    return {};
  }
  std::string_view text = trim_spaces(line);
  bool exclusion = text.starts_with('!');
  if (exclusion) {
    text = trim_spaces(text.substr(1));
  }
  if (text.empty()) {
    return exclusion ? "!" : "";
  }
  std::string pattern = clean_path(text);
  if (pattern.size() > 1 && pattern[0] == '/') {
    pattern.erase(0, 1);
  }
  return exclusion ? "!" + pattern : pattern;
}

bool bit(const std::vector<std::uint64_t>& bits, std::size_t index) {
  return !bits.empty() && (bits[index / 64] >> (index % 64) & 1) != 0;
}

void set_bit(std::vector<std::uint64_t>& bits, std::size_t index) {
  bits[index / 64] |= std::uint64_t{1} << (index % 64);
}

}  // namespace

std::expected<std::vector<IgnorePattern>, std::string> read_ignore_file(std::string_view text) {
  std::vector<IgnorePattern> patterns;
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  for (int number = 1; !text.empty(); ++number) {
    std::size_t end = std::min(text.find('\n'), text.size());
    if (end > kIgnoreLineMax) {
      return std::unexpected("failed parsing .dockerignore: bufio.Scanner: token too long");
    }
    std::string pattern = read_pattern(text.substr(0, end));
    if (!pattern.empty()) {
      patterns.push_back({std::move(pattern), number});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return patterns;
}

struct PatternMatcher::Compiled {
  std::vector<IgnorePattern> shown;
  std::vector<CompiledPattern> patterns;  // parallel to `shown`
  bool exclusions = false;
};

PatternMatcher::PatternMatcher() : compiled_(std::make_shared<const Compiled>()) {}

std::expected<PatternMatcher, std::string> PatternMatcher::compile(
    const std::vector<IgnorePattern>& patterns) {
  auto compiled = std::make_shared<Compiled>();
  for (const IgnorePattern& pattern : patterns) {
    std::string_view trimmed = trim_spaces(pattern.text);
    if (trimmed.empty()) {
      continue;
    }
    std::string text = clean_path(trimmed);
    if (text == "!") {
      return std::unexpected("illegal exclusion pattern: \"!\"");
    }
    auto one = CompiledPattern::compile(text);
    if (!one) {
      return std::unexpected(std::move(one.error()));
    }
    compiled->exclusions = compiled->exclusions || one->exclusion();
    compiled->patterns.push_back(std::move(*one));
    compiled->shown.push_back({std::move(text), pattern.line});
  }
  PatternMatcher matcher;
  matcher.compiled_ = std::move(compiled);
  return matcher;
}

std::expected<PatternMatcher, std::string> PatternMatcher::compile(
    const std::vector<std::string>& patterns) {
  std::vector<IgnorePattern> list;
  for (const std::string& pattern : patterns) {
    list.push_back({pattern, 0});
  }
  return compile(list);
}

PatternMatcher::Decision PatternMatcher::match(std::string_view path) const {
  std::string cleaned = clean_path(path);
  if (cleaned == "." || empty()) {
    return {};
  }
  std::string_view rest = cleaned;
  State state;
  // Parents first; the leading slash of an absolute path is no parent.
  for (std::size_t slash = rest.find('/', 1); slash != std::string_view::npos;
       slash = rest.find('/', slash + 1)) {
    State inner;
    match(rest.substr(0, slash), state, &inner);
    state = std::move(inner);
  }
  return match(rest, state, nullptr);
}

PatternMatcher::Decision PatternMatcher::match(std::string_view path, const State& parent,
                                               State* state) const {
  Decision decision;
  std::string valid;
  bool checked_utf8 = false;
  if (state != nullptr) {
    state->matched_ = parent.matched_;
  }
  for (std::size_t index = 0; index < compiled_->patterns.size(); ++index) {
    const CompiledPattern& pattern = compiled_->patterns[index];
    bool matched = bit(parent.matched_, index);
    bool decides = pattern.exclusion() == decision.ignored;
    if (!matched && (decides || state != nullptr)) {
      if (pattern.kind() == MatchKind::kRegexp && !std::exchange(checked_utf8, true)) {
        valid = to_valid_utf8(path);
      }
      matched = pattern.matches(pattern.kind() == MatchKind::kRegexp ? valid : path);
      if (matched && state != nullptr) {
        state->matched_.resize((compiled_->patterns.size() + 63) / 64);
        set_bit(state->matched_, index);
      }
    }
    if (matched && decides) {
      decision = {!pattern.exclusion(), index};
    }
  }
  return decision;
}

bool PatternMatcher::has_exclusions() const {
  return compiled_->exclusions;
}

bool PatternMatcher::may_hold_exceptions(std::string_view folder) const {
  return std::ranges::any_of(compiled_->patterns, [&](const CompiledPattern& pattern) {
    return pattern.exclusion() && pattern.may_match_below(folder);
  });
}

bool PatternMatcher::empty() const {
  return compiled_->patterns.empty();
}

const std::vector<IgnorePattern>& PatternMatcher::patterns() const {
  return compiled_->shown;
}

PatternMatcher::MatchKind PatternMatcher::kind(std::size_t pattern) const {
  return compiled_->patterns.at(pattern).kind();
}

const std::string& PatternMatcher::regexp(std::size_t pattern) const {
  return compiled_->patterns.at(pattern).regexp();
}

}  // namespace slipway::parser
