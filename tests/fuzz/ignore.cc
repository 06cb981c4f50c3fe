#include "parser/ignore.h"

#include "parser/glob.h"
#include "tests/fuzz/fuzz.h"

// The first line is a path, the rest an ignore file. The direct question and a walk that carries
// its state and skips folders without exceptions must agree.

namespace {

using slipway::parser::PatternMatcher;

bool match_by_walk(const PatternMatcher& matcher, const std::string& path) {
  PatternMatcher::State state;
  bool ignored = false;
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    PatternMatcher::State inner;
    std::string part = path.substr(0, slash);
    ignored = matcher.match(part, state, &inner).ignored;
    if (ignored && slash != std::string::npos && !matcher.may_hold_exceptions(part)) {
      return true;
    }
    state = inner;
  }
  return ignored;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = slipway::tests::input_text(data, size);
  std::string path = slipway::parser::clean_path(slipway::tests::take_part(text));
  auto patterns = slipway::parser::read_ignore_file(text);
  if (!patterns) {
    return 0;
  }
  for (const auto& pattern : *patterns) {
    (void)slipway::parser::match_glob(pattern.text, path);
  }
  auto matcher = PatternMatcher::compile(*patterns);
  if (matcher && path != "." && !path.starts_with('/')) {
    slipway::tests::require(matcher->match(path).ignored == match_by_walk(*matcher, path));
  }
  return 0;
}
