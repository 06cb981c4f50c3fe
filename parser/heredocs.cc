#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "parser/expand.h"
#include "parser/lines.h"
#include "parser/split_line.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

// No variable is set while heredocs are looked for, and none is expanded.
class NoVariables : public Variables {
 public:
  std::optional<std::string_view> find(std::string_view) const override { return std::nullopt; }
};

// Whatever the file's escape character, here it is the backslash.
constexpr ExpandOptions kRaw{
    .keep_quotes = true, .keep_escapes = true, .skip_unset = true, .split_words = true};
constexpr ExpandOptions kUnquoted{.skip_unset = true, .split_words = true};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The parts of `^(\d*)<<(-?)\s*([^<]*)$`.
struct Announcement {
  std::uint64_t file_descriptor = 0;
  bool chomp = false;
  std::string_view name;
};

std::optional<Announcement> take_apart(std::string_view word) {
  Announcement found;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  while (!word.empty() && is_digit(word.front())) {
    auto digit = static_cast<std::uint64_t>(word.front() - '0');
    found.file_descriptor =
        found.file_descriptor > (kMax - digit) / 10 ? kMax : found.file_descriptor * 10 + digit;
    word.remove_prefix(1);
  }
  if (!word.starts_with("<<")) {
    return std::nullopt;
  }
  word.remove_prefix(2);
  if (word.starts_with('-')) {
    found.chomp = true;
    word.remove_prefix(1);
  }
  word.remove_prefix(std::min(word.find_first_not_of(" \t\n\f\r"), word.size()));
  if (word.contains('<')) {
    return std::nullopt;
  }
  found.name = word;
  return found;
}

// Does the line belong to an instruction that takes heredocs?
bool takes_heredocs(const LogicalLine& line) {
  const LogicalLine* inner = &line;
  if (equal_ignoring_ascii_case(line.word, "ONBUILD") && !line.trigger.empty()) {
    inner = &line.trigger[0];
  }
  if (inner->form == ArgumentForm::kJson) {
    return false;
  }
  return equal_ignoring_ascii_case(inner->word, "RUN") ||
         equal_ignoring_ascii_case(inner->word, "COPY") ||
         equal_ignoring_ascii_case(inner->word, "ADD");
}

}  // namespace

std::optional<Heredoc> parse_heredoc_word(std::string_view word) {
  std::optional<Announcement> found = take_apart(word);
  if (!found || found->name.empty()) {
    return std::nullopt;
  }
  auto unquoted = expand(found->name, NoVariables(), kUnquoted);
  auto raw = expand(found->name, NoVariables(), kRaw);
  if (!unquoted || !raw || unquoted->words.size() != 1 || raw->words.size() != 1) {
    return std::nullopt;
  }
  Heredoc heredoc{.name = std::move(unquoted->words[0]),
                  .file_descriptor = found->file_descriptor,
                  .chomp = found->chomp};
  // Quotes that are gone after unquoting did quote something.
  for (char quote : {'\'', '"'}) {
    if (std::ranges::count(heredoc.name, quote) != std::ranges::count(raw->words[0], quote)) {
      heredoc.expand = false;
    }
  }
  return heredoc;
}

std::vector<Heredoc> find_heredocs(const LogicalLine& line) {
  std::vector<Heredoc> heredocs;
  if (!line.text.contains("<<") || !takes_heredocs(line)) {
    return heredocs;
  }
  // A line that can't be split into words, say for an open quote, has no heredocs.
  if (auto split = expand(line.text, NoVariables(), kRaw)) {
    for (const std::string& word : split->words) {
      if (auto heredoc = parse_heredoc_word(word)) {
        heredocs.push_back(std::move(*heredoc));
      }
    }
  }
  return heredocs;
}

std::string chomp_heredoc(std::string_view content) {
  std::string out;
  out.reserve(content.size());
  bool at_start = true;
  for (char c : content) {
    if (at_start && c == '\t') {
      continue;
    }
    out.push_back(c);
    at_start = c == '\n';
  }
  return out;
}

}  // namespace slipway::parser
