#include <nlohmann/json.hpp>

#include "parser/ast/mounts.h"
#include "parser/chmod.h"
#include "parser/durations.h"
#include "parser/git_ref.h"
#include "parser/json_text.h"
#include "parser/lint/linter.h"
#include "parser/ports.h"
#include "parser/quoting.h"
#include "parser/shell_pattern.h"
#include "parser/signals.h"
#include "parser/suggest.h"
#include "parser/words.h"
#include "tests/fuzz/fuzz.h"

// The functions that take one short text each, all on the same input.

namespace {

using slipway::tests::require;

// Whatever the JSON library takes, our reader takes with the same strings.
void check_json(std::string_view text) {
  auto ours = slipway::parser::parse_json_strings(text);
  auto theirs = nlohmann::json::parse(text, nullptr, false);
  // The library takes a zero byte for the end of the text.
  if (!theirs.is_array() || text.contains('\0')) {
    return;
  }
  require(ours.has_value());
  bool all_strings = true;
  for (const auto& element : theirs) {
    all_strings = all_strings && element.is_string();
  }
  require(ours->all_strings == all_strings);
  for (std::size_t index = 0; all_strings && index < theirs.size(); ++index) {
    require(ours->words[index].text == theirs[index].get<std::string>());
  }
}

// A written duration reads back as itself.
void check_duration(std::string_view text) {
  auto duration = slipway::parser::parse_duration(text);
  if (duration) {
    auto again = slipway::parser::parse_duration(slipway::parser::format_duration(*duration));
    require(again == duration);
  }
}

void check_chmod(std::string_view text) {
  auto mode = slipway::parser::parse_chmod(text);
  if (mode) {
    require(mode->apply(07777, slipway::parser::ChmodValue::Kind::kFolder) <= 07777);
  }
}

void check_patterns(std::string_view text) {
  std::string_view value = slipway::tests::take_part(text);
  std::string_view replacement = slipway::tests::take_part(text);
  using slipway::parser::PatternMatch;
  auto shortest = slipway::parser::remove_prefix(value, text, PatternMatch::kShortest);
  auto longest = slipway::parser::remove_prefix(value, text, PatternMatch::kLongest);
  require(shortest.has_value() == longest.has_value());
  require(!shortest || shortest->size() >= longest->size());
  (void)slipway::parser::remove_suffix(value, text, PatternMatch::kLongest);
  (void)slipway::parser::replace_first(value, text, replacement);
  (void)slipway::parser::replace_all(value, text, replacement);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Their limit is that of a line; ranges of ports are spread out.
  if (size > 4096) {
    return 0;
  }
  std::string_view text = slipway::tests::input_text(data, size);
  check_json(text);
  check_duration(text);
  check_chmod(text);
  check_patterns(text);
  (void)slipway::parser::parse_git_reference(text);
  (void)slipway::parser::parse_exposed_ports(text);
  (void)slipway::parser::parse_signal(text);
  (void)slipway::parser::parse_check_options(text);
  (void)slipway::parser::find_mount_from(text);
  (void)slipway::parser::split_csv(text);
  (void)slipway::parser::split_quoted(text, '\\');
  require(slipway::parser::quote_text(text).size() >= size + 2);
  const std::vector<std::string> options{"from", "chown", "chmod"};
  (void)slipway::parser::did_you_mean(text, options, slipway::parser::SuggestCase::kIgnored);
  return 0;
}
