#include "parser/flags.h"

#include <algorithm>

#include "parser/suggest.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

std::string unknown_flag(std::string_view name, std::span<const FlagRule> rules) {
  std::vector<std::string_view> names;
  for (const FlagRule& rule : rules) {
    names.push_back(rule.name);
  }
  return "unknown flag: --" + std::string(name) +
         did_you_mean(name, std::span<const std::string_view>(names));
}

std::string missing_value(std::string_view name) {
  return "missing a value on flag: --" + std::string(name);
}

}  // namespace

std::optional<std::string> Flags::read(std::span<const Word> words,
                                       std::span<const FlagRule> rules) {
  for (const Word& word : words) {
    if (auto problem = read_one(word.text, rules)) {
      return problem;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Flags::read_one(std::string_view word, std::span<const FlagRule> rules) {
  word.remove_prefix(2);  // "--"
  std::size_t equals = word.find('=');
  bool has_value = equals != std::string_view::npos;
  std::string_view name = word.substr(0, equals);
  std::string_view value = has_value ? word.substr(equals + 1) : std::string_view();
  auto rule =
      std::ranges::find_if(rules, [&](const FlagRule& known) { return known.name == name; });
  if (rule == rules.end()) {
    return unknown_flag(name, rules);
  }
  auto given = std::ranges::find_if(given_, [&](const Given& one) { return one.name == name; });
  if (given != given_.end() && rule->kind != FlagKind::kStrings) {
    return "duplicate flag specified: --" + std::string(name);
  }
  std::string kept(value);
  if (rule->kind == FlagKind::kBoolean) {
    if (has_value && value.empty()) {
      return missing_value(name);
    }
    kept = has_value ? lower_ascii(value) : "true";
    if (kept != "true" && kept != "false") {
      return "expecting boolean value for flag --" + std::string(name) +
             ", not: " + std::string(value);
    }
  } else if (!has_value) {
    return missing_value(name);
  }
  if (given == given_.end()) {
    given_.push_back({rule->name, {}});
    given = std::prev(given_.end());
  }
  given->values.push_back(std::move(kept));
  return std::nullopt;
}

const Flags::Given* Flags::find(std::string_view name) const {
  auto given = std::ranges::find_if(given_, [&](const Given& one) { return one.name == name; });
  return given == given_.end() ? nullptr : &*given;
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const Given* given = find(name);
  return given == nullptr ? std::nullopt : std::optional(given->values[0] == "true");
}

std::string Flags::string(std::string_view name) const {
  const Given* given = find(name);
  return given == nullptr ? std::string() : given->values[0];
}

std::vector<std::string> Flags::strings(std::string_view name) const {
  const Given* given = find(name);
  return given == nullptr ? std::vector<std::string>() : given->values;
}

std::vector<std::string> Flags::names() const {
  std::vector<std::string> names;
  for (const Given& given : given_) {
    names.emplace_back(given.name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace slipway::parser
