#include "parser/shell_pattern.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "parser/regexp_template.h"
#include "parser/unicode.h"

// A pattern is segments of single characters with `*` between them. After the first segment each
// next one goes to its earliest place; if that fails no other choice can succeed, because a star
// takes anything up to the end of the line. Only the last segment has two useful places: its
// earliest for the shortest match, its latest for the longest. So no backtracking is needed, and a
// search that failed from one place of a line need not be tried from later ones of that line.

namespace slipway::parser {

namespace {

constexpr char32_t kAny = 0xFFFFFFFF;  // `?`; no character has this value

// Characters compared at worst: some tenths of a second.
constexpr std::size_t kWorkMax = std::size_t{1} << 28;

using Segment = std::u32string;

struct Pattern {
  std::vector<Segment> segments;  // at least one; a star between each two
};

struct Match {
  std::size_t start = 0;
  std::size_t end = 0;
};

std::u32string decode(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    Decoded next = decode_utf8(text, offset);
    characters.push_back(next.character);
    offset += next.size;
  }
  return characters;
}

std::string encode(std::u32string_view characters) {
  std::string text;
  text.reserve(characters.size());
  for (char32_t character : characters) {
    append_utf8(text, character);
  }
  return text;
}

std::string invalid_escape(std::string_view pattern, std::optional<char32_t> character) {
  std::string message = "invalid pattern (" + std::string(pattern) + ") in substitution: ";
  message.append("invalid escape '\\");
  append_utf8(message, character.value_or(kReplacementCharacter));
  return message.append("'");
}

// `shown` is the pattern for the error message.
std::expected<Pattern, std::string> compile(std::u32string_view text, std::string_view shown) {
  Pattern pattern;
  pattern.segments.emplace_back();
  for (std::size_t index = 0; index < text.size(); ++index) {
    char32_t character = text[index];
    if (character == '*') {
      pattern.segments.emplace_back();
      continue;
    }
    if (character == '\\') {
      bool last = index + 1 == text.size();
      if (!last && (text[index + 1] == '}' || text[index + 1] == '/')) {
        continue;  // the next character comes as it is
      }
      if (last || (text[index + 1] != '*' && text[index + 1] != '?' && text[index + 1] != '\\')) {
        return std::unexpected(
            invalid_escape(shown, last ? std::nullopt : std::optional(text[index + 1])));
      }
      character = text[++index];
    } else if (character == '?') {
      character = kAny;
    }
    pattern.segments.back().push_back(character);
  }
  return pattern;
}

bool matches_at(const Segment& segment, std::u32string_view value, std::size_t at) {
  if (segment.size() > value.size() - at) {
    return false;
  }
  for (std::size_t index = 0; index < segment.size(); ++index) {
    char32_t character = value[at + index];
    if (segment[index] == kAny ? character == '\n' : segment[index] != character) {
      return false;
    }
  }
  return true;
}

// The end of the line that `at` is on: how far a star can reach.
std::size_t line_end(std::u32string_view value, std::size_t at) {
  return std::min(value.find(U'\n', at), value.size());
}

std::optional<std::size_t> find_first(const Segment& segment, std::u32string_view value,
                                      std::size_t from) {
  std::size_t limit = line_end(value, from);
  for (std::size_t at = from; at <= limit; ++at) {
    if (matches_at(segment, value, at)) {
      return at;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> find_last(const Segment& segment, std::u32string_view value,
                                     std::size_t from) {
  for (std::size_t at = line_end(value, from) + 1; at > from; --at) {
    if (matches_at(segment, value, at - 1)) {
      return at - 1;
    }
  }
  return std::nullopt;
}

// The end of the match that starts at `start`.
std::optional<std::size_t> match_from(const Pattern& pattern, std::u32string_view value,
                                      std::size_t start, PatternMatch kind) {
  const std::vector<Segment>& segments = pattern.segments;
  if (!matches_at(segments[0], value, start)) {
    return std::nullopt;
  }
  std::size_t end = start + segments[0].size();
  for (std::size_t index = 1; index < segments.size(); ++index) {
    bool last = index + 1 == segments.size();
    std::optional<std::size_t> at = last && kind == PatternMatch::kLongest
                                        ? find_last(segments[index], value, end)
                                        : find_first(segments[index], value, end);
    if (!at) {
      return std::nullopt;
    }
    end = *at + segments[index].size();
  }
  return end;
}

// The leftmost match at or after `from`, as long as possible.
std::optional<Match> search(const Pattern& pattern, std::u32string_view value, std::size_t from) {
  const Segment& first = pattern.segments[0];
  std::size_t at = from;
  while (at <= value.size()) {
    if (!matches_at(first, value, at)) {
      ++at;
      continue;
    }
    if (auto end = match_from(pattern, value, at, PatternMatch::kLongest)) {
      return Match{at, *end};
    }
    // The rest would not match from later in this line either: go on where the first segment
    // ends behind it.
    std::size_t behind = line_end(value, at + first.size()) + 1;
    at = std::max(at + 1, behind - std::min(behind, first.size()));
  }
  return std::nullopt;
}

std::optional<std::string> too_costly(std::size_t value_size, std::string_view pattern) {
  if (pattern.empty() || value_size / 4 <= kWorkMax / 4 / pattern.size()) {
    return std::nullopt;
  }
  return "pattern of " + std::to_string(pattern.size()) + " bytes is too large for a value of " +
         std::to_string(value_size) + " bytes";
}

// The pattern back to front, escapes kept before what they escape.
std::u32string reversed_pattern(std::u32string_view pattern) {
  std::u32string out(pattern.size(), U'\0');
  std::size_t last = pattern.size() - 1;
  for (std::size_t index = 0; index < pattern.size(); ++index) {
    std::size_t place = last - index;
    if (pattern[index] == '\\' && index != last) {
      out[place - 1] = U'\\';
      out[place] = pattern[++index];
    } else {
      out[place] = pattern[index];
    }
  }
  return out;
}

// How much of the front of the value goes away.
std::expected<std::size_t, std::string> prefix_length(std::u32string_view value,
                                                      std::u32string_view pattern,
                                                      std::string_view shown, PatternMatch match) {
  if (auto problem = too_costly(value.size(), shown)) {
    return std::unexpected(std::move(*problem));
  }
  auto compiled = compile(pattern, shown);
  if (!compiled) {
    return std::unexpected(std::move(compiled.error()));
  }
  return match_from(*compiled, value, 0, match).value_or(0);
}

struct Prepared {
  std::u32string value;
  Pattern pattern;
};

std::expected<Prepared, std::string> prepare(std::string_view value, std::string_view pattern) {
  if (auto problem = too_costly(value.size(), pattern)) {
    return std::unexpected(std::move(*problem));
  }
  auto compiled = compile(decode(pattern), pattern);
  if (!compiled) {
    return std::unexpected(std::move(compiled.error()));
  }
  return Prepared{decode(value), std::move(*compiled)};
}

}  // namespace

std::expected<std::string, std::string> remove_prefix(std::string_view value,
                                                      std::string_view pattern,
                                                      PatternMatch match) {
  std::u32string characters = decode(value);
  auto length = prefix_length(characters, decode(pattern), pattern, match);
  if (!length) {
    return std::unexpected(std::move(length.error()));
  }
  return encode(std::u32string_view(characters).substr(*length));
}

std::expected<std::string, std::string> remove_suffix(std::string_view value,
                                                      std::string_view pattern,
                                                      PatternMatch match) {
  std::u32string characters = decode(value);
  std::u32string reversed(characters.rbegin(), characters.rend());
  std::u32string wanted = decode(pattern);
  if (!wanted.empty()) {
    wanted = reversed_pattern(wanted);
  }
  // An error shows the pattern as it is used, back to front.
  auto length = prefix_length(reversed, wanted, encode(wanted), match);
  if (!length) {
    return std::unexpected(std::move(length.error()));
  }
  return encode(std::u32string_view(characters).substr(0, characters.size() - *length));
}

std::expected<std::string, std::string> replace_first(std::string_view value,
                                                      std::string_view pattern,
                                                      std::string_view replacement) {
  auto prepared = prepare(value, pattern);
  if (!prepared) {
    return std::unexpected(std::move(prepared.error()));
  }
  std::u32string_view characters = prepared->value;
  std::optional<Match> match = search(prepared->pattern, characters, 0);
  if (!match) {
    return std::string(value);
  }
  return encode(characters.substr(0, match->start)) + std::string(replacement) +
         encode(characters.substr(match->end));
}

std::expected<std::string, std::string> replace_all(std::string_view value,
                                                    std::string_view pattern,
                                                    std::string_view replacement) {
  auto prepared = prepare(value, pattern);
  if (!prepared) {
    return std::unexpected(std::move(prepared.error()));
  }
  std::u32string_view characters = prepared->value;
  std::string out;
  std::size_t copied = 0;  // up to the end of the last match
  std::size_t from = 0;
  while (from <= characters.size()) {
    std::optional<Match> match = search(prepared->pattern, characters, from);
    if (!match) {
      break;
    }
    out.append(encode(characters.substr(copied, match->start - copied)));
    // An empty match right behind another match does not count.
    if (match->end > copied || match->start == 0) {
      append_replacement(out, replacement,
                         encode(characters.substr(match->start, match->end - match->start)));
    }
    copied = match->end;
    from = match->end > from ? match->end : from + 1;
  }
  out.append(encode(characters.substr(copied)));
  return out;
}

}  // namespace slipway::parser
