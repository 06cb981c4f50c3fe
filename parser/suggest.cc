#include "parser/suggest.h"

#include <algorithm>
#include <utility>

#include "parser/unicode.h"

namespace slipway::parser {

namespace {

constexpr std::size_t kDistanceMax = 2;

std::u32string characters_of(std::string_view text) {
  std::u32string characters;
  for (std::size_t offset = 0; offset < text.size();) {
    Decoded next = decode_utf8(text, offset);
    characters.push_back(next.character);
    offset += next.size;
  }
  return characters;
}

// Levenshtein distance; anything above kDistanceMax only means "too far".
std::size_t distance(std::u32string_view left, std::u32string_view right) {
  if (std::max(left.size(), right.size()) - std::min(left.size(), right.size()) > kDistanceMax) {
    return kDistanceMax + 1;
  }
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t column = 0; column < row.size(); ++column) {
    row[column] = column;
  }
  for (std::size_t line = 0; line < left.size(); ++line) {
    std::size_t diagonal = std::exchange(row[0], line + 1);
    for (std::size_t column = 0; column < right.size(); ++column) {
      std::size_t substituted = diagonal + (left[line] == right[column] ? 0 : 1);
      diagonal = row[column + 1];
      row[column + 1] = std::min({substituted, row[column] + 1, diagonal + 1});
    }
    if (*std::min_element(row.begin(), row.end()) > kDistanceMax) {
      return kDistanceMax + 1;
    }
  }
  return row.back();
}

}  // namespace

std::string find_suggestion(std::string_view value, std::span<const std::string_view> options,
                            SuggestCase use) {
  bool ignore_case = use == SuggestCase::kIgnored;
  // No option is anywhere near this long; the bound keeps hostile words cheap.
  constexpr std::size_t kValueBytesMax = 1024;
  if (value.size() > kValueBytesMax) {
    return {};
  }
  std::u32string wanted = characters_of(ignore_case ? lower_ascii(value) : std::string(value));
  std::string best;
  std::size_t best_distance = kDistanceMax + 1;
  for (std::string_view option : options) {
    std::string candidate = ignore_case ? lower_ascii(option) : std::string(option);
    std::u32string characters = characters_of(candidate);
    if (characters == wanted) {
      return {};
    }
    if (std::size_t far = distance(wanted, characters); far < best_distance) {
      best_distance = far;
      best = std::move(candidate);
    }
  }
  if (ignore_case && value == upper_ascii(value)) {
    return upper_ascii(best);
  }
  return best;
}

std::string find_suggestion(std::string_view value, const std::vector<std::string>& options,
                            SuggestCase use) {
  std::vector<std::string_view> views(options.begin(), options.end());
  return find_suggestion(value, std::span<const std::string_view>(views), use);
}

std::string did_you_mean(std::string_view value, std::span<const std::string_view> options,
                         SuggestCase use) {
  std::string match = find_suggestion(value, options, use);
  return match.empty() ? match : " (did you mean " + match + "?)";
}

std::string did_you_mean(std::string_view value, const std::vector<std::string>& options,
                         SuggestCase use) {
  std::vector<std::string_view> views(options.begin(), options.end());
  return did_you_mean(value, std::span<const std::string_view>(views), use);
}

}  // namespace slipway::parser
