#include "parser/ignore_pattern.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "parser/glob.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

using MatchKind = PatternMatcher::MatchKind;

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    std::size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) {
      return parts;
    }
    path.remove_prefix(slash + 1);
  }
}

// Characters that do not stand for themselves; `^` is one where an expression is made.
constexpr std::string_view kSpecial = "*?[]\\^";

// The literal text before the first special character.
std::string_view literal_start(std::string_view pattern) {
  return pattern.substr(0, pattern.find_first_of(kSpecial));
}

// The literal text behind the last special character, or behind what that one governs.
std::string_view literal_end(std::string_view pattern) {
  std::size_t last = pattern.find_last_of(kSpecial);
  if (last == std::string_view::npos) {
    return pattern;
  }
  std::string_view end = pattern.substr(last + 1);
  if (pattern[last] == '\\') {
    return end.substr(std::min<std::size_t>(decode_utf8(end, 0).size, end.size()));
  }
  // "**" swallows a slash behind it.
  return pattern[last] == '*' && end.starts_with('/') ? end.substr(1) : end;
}

// Translates a pattern to a regular expression and finds out whether it needs one.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  void run() {
    for (bool first = true; !rest_.empty(); first = false) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '*' && rest_.starts_with('*')) {
        rest_.remove_prefix(1);
        take_double_star(first);
      } else if (c == '*' || c == '?') {
        use_regexp(c == '*' ? "[^/]*" : "[^/]");
      } else if (c == '\\') {
        take_escape();
      } else if (c == '[' || c == ']') {
        use_regexp(std::string_view(&c, 1));
      } else {
        if (std::string_view(".+()|{}$").contains(c)) {
          regexp_.push_back('\\');
        }
        regexp_.push_back(c);
      }
    }
    regexp_.push_back('$');
  }

  MatchKind kind() const { return kind_; }
  std::string take_regexp() { return std::move(regexp_); }

 private:
  void use_regexp(std::string_view piece) {
    regexp_.append(piece);
    kind_ = MatchKind::kRegexp;
  }

  // "**", with the slash that may follow it. In first place with only literal text behind it is a
  // test of the path's end; in last place, behind literal text only, of its start.
  void take_double_star(bool first) {
    if (rest_.starts_with('/')) {
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) {
      use_regexp("(.*/)?");
    } else if (kind_ == MatchKind::kExact) {
      kind_ = MatchKind::kPrefix;
    } else {
      use_regexp(".*");
    }
    if (first) {
      kind_ = MatchKind::kSuffix;
    }
  }

  // The escape goes into the expression as it stands.
  void take_escape() {
    if (rest_.empty()) {
      regexp_.push_back('\\');
      return;
    }
    std::size_t size = decode_utf8(rest_, 0).size;
    use_regexp("\\" + std::string(rest_.substr(0, size)));
    rest_.remove_prefix(size);
  }

  std::string_view rest_;
  std::string regexp_ = "^";
  MatchKind kind_ = MatchKind::kExact;
};

}  // namespace

std::expected<CompiledPattern, std::string> CompiledPattern::compile(std::string_view text) {
  const auto bad = [] { return std::unexpected(std::string("syntax error in pattern")); };
  CompiledPattern pattern;
  pattern.exclusion_ = text.starts_with('!');
  pattern.pattern_ = text.substr(pattern.exclusion_ ? 1 : 0);
  if (!is_valid_glob(pattern.pattern_)) {
    return bad();
  }
  Translator translator(pattern.pattern_);
  translator.run();
  pattern.kind_ = translator.kind();
  if (pattern.kind_ == MatchKind::kRegexp) {
    pattern.regexp_ = translator.take_regexp();
    RE2::Options options;
    options.set_log_errors(false);
    pattern.compiled_ = std::make_shared<const RE2>(pattern.regexp_, options);
    // `\C` is an extension of this library.
    pattern.start_ = literal_start(pattern.pattern_);
    pattern.end_ = literal_end(pattern.pattern_);
    if (!pattern.compiled_->ok() || pattern.regexp_.contains("\\C")) {
      return bad();
    }
  }
  bool within_parts = !pattern.pattern_.contains("**") &&
                      pattern.pattern_.find_first_of("[\\") == std::string::npos;
  if (within_parts) {
    pattern.parts_ = split_path(pattern.pattern_);
  }
  return pattern;
}

bool CompiledPattern::matches(std::string_view path) const {
  switch (kind_) {
    case MatchKind::kExact:
      return path == pattern_;
    case MatchKind::kPrefix:
      return path.starts_with(std::string_view(pattern_).substr(0, pattern_.size() - 2));
    case MatchKind::kSuffix: {
      std::string_view suffix = std::string_view(pattern_).substr(2);
      return path.ends_with(suffix) || (suffix.starts_with('/') && path == suffix.substr(1));
    }
    case MatchKind::kRegexp:
      break;
  }
  if (!path.starts_with(start_) || !path.ends_with(end_)) {
    return false;
  }
  return RE2::PartialMatch(re2::StringPiece(path.data(), path.size()), *compiled_);
}

bool CompiledPattern::may_match_below(std::string_view folder) const {
  std::string inside = std::string(folder) + "/";
  if (parts_.empty()) {
    // The literal start of the pattern and the folder must agree as far as both go.
    std::string_view start = literal_start(pattern_);
    std::size_t common = std::min(start.size(), inside.size());
    return start.substr(0, common) == std::string_view(inside).substr(0, common);
  }
  std::vector<std::string> names = split_path(folder);
  if (parts_.size() <= names.size()) {
    return false;
  }
  for (std::size_t index = 0; index < names.size(); ++index) {
    if (!match_glob(parts_[index], names[index]).value_or(true)) {
      return false;
    }
  }
  return true;
}

}  // namespace slipway::parser
