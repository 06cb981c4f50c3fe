#include <nlohmann/json.hpp>

#include "parser/ignore.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;
using parser::PatternMatcher;

// A walk from the root to the path, carrying the state, must agree with the direct question.
bool match_by_walk(const PatternMatcher& matcher, const std::string& path) {
  PatternMatcher::State state;
  bool ignored = false;
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    PatternMatcher::State inner;
    ignored = matcher.match(path.substr(0, slash), state, &inner).ignored;
    // What lies below an ignored folder may come back only if the folder says so.
    if (ignored && slash != std::string::npos &&
        !matcher.may_hold_exceptions(path.substr(0, slash))) {
      return true;
    }
    state = inner;
  }
  return ignored;
}

std::optional<std::string> check_match(const json& one) {
  auto matcher = PatternMatcher::compile(one.at("patterns").get<std::vector<std::string>>());
  if (!matcher) {
    if (!one.contains("error")) {
      return "unexpected error: " + matcher.error();
    }
    return matcher.error().contains(one["error"].get<std::string>())
               ? std::nullopt
               : std::optional("got error " + matcher.error());
  }
  if (one.contains("error")) {
    return "expected an error";
  }
  std::string path = one.at("path");
  bool expected = one.at("match");
  if (matcher->match(path).ignored != expected) {
    return "expected " + one["match"].dump();
  }
  bool plain = !path.starts_with('.') && !path.ends_with('/') && !path.ends_with("..");
  if (plain && match_by_walk(*matcher, path) != expected) {
    return "expected " + one["match"].dump() + " of the walk";
  }
  return std::nullopt;
}

std::optional<std::string> check_read(const json& one) {
  auto patterns = parser::read_ignore_file(one.at("text").get<std::string>());
  if (!patterns) {
    return one.contains("error") && patterns.error().contains(one["error"].get<std::string>())
               ? std::nullopt
               : std::optional("got error " + patterns.error());
  }
  json texts = json::array();
  for (const parser::IgnorePattern& pattern : *patterns) {
    texts.push_back(pattern.text);
  }
  return compare("patterns", one.at("patterns"), texts);
}

std::optional<std::string> check_compile(const json& one) {
  auto matcher = PatternMatcher::compile(std::vector<std::string>{one.at("pattern")});
  if (!matcher) {
    return "unexpected error: " + matcher.error();
  }
  constexpr const char* kKinds[] = {"exact", "prefix", "suffix", "regexp"};
  json type = kKinds[static_cast<std::size_t>(matcher->kind(0))];
  if (auto problem = compare("type", one.at("type"), type)) {
    return problem;
  }
  return one.contains("regexp") ? compare("regexp", one["regexp"], matcher->regexp(0))
                                : std::nullopt;
}

std::optional<std::string> check_clean(const json& one) {
  auto matcher = PatternMatcher::compile(one.at("patterns").get<std::vector<std::string>>());
  if (!matcher) {
    return "unexpected error: " + matcher.error();
  }
  json actual = {{"count", matcher->patterns().size()}, {"exclusions", matcher->has_exclusions()}};
  for (const auto& [key, expected] : one.at("expect").items()) {
    if (auto problem = compare(key, expected, actual.value(key, json()))) {
      return problem;
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_case(const json& one) {
  std::string kind = one.at("kind");
  return kind == "match"     ? check_match(one)
         : kind == "read"    ? check_read(one)
         : kind == "compile" ? check_compile(one)
         : kind == "clean"   ? check_clean(one)
                             : std::optional("unknown kind " + kind);
}

TEST(IgnoreCorpus, Dockerignore) {
  run_corpus("dockerignore.json", check_case);
}

}  // namespace
}  // namespace slipway::tests
