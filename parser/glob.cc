#include "parser/glob.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "parser/unicode.h"

// A pattern is chunks between stars. Each chunk after a star goes to its earliest place; since a
// star takes anything but '/', another place would serve no better, so nothing is tried twice.

namespace slipway::parser {

namespace {

struct CharacterRange {
  char32_t first = 0;
  char32_t last = 0;
};

struct Token {
  enum class Kind { kLiteral, kAny, kClass };
  Kind kind = Kind::kLiteral;
  char32_t character = 0;
  bool negated = false;
  std::vector<CharacterRange> ranges;
};

using Chunk = std::vector<Token>;

class Compiler {
 public:
  explicit Compiler(std::string_view pattern) : pattern_(pattern) {}

  // The chunks between stars, or nothing if the pattern is malformed.
  std::optional<std::vector<Chunk>> run() {
    std::vector<Chunk> chunks(1);
    while (at_ < pattern_.size()) {
      switch (pattern_[at_]) {
        case '*':
          ++at_;
          chunks.emplace_back();
          break;
        case '?':
          ++at_;
          chunks.back().push_back({.kind = Token::Kind::kAny});
          break;
        case '[':
          ++at_;
          if (!take_class(chunks.back())) {
            return std::nullopt;
          }
          break;
        case '\\':
          if (++at_ == pattern_.size()) {
            return std::nullopt;
          }
          [[fallthrough]];
        default:
          chunks.back().push_back({.character = next()});
      }
    }
    return chunks;
  }

 private:
  char32_t next() {
    Decoded decoded = decode_utf8(pattern_, at_);
    at_ += decoded.size;
    return decoded.character;
  }

  bool take_class(Chunk& chunk) {
    Token token{.kind = Token::Kind::kClass};
    if (pattern_.substr(at_).starts_with('^')) {
      token.negated = true;
      ++at_;
    }
    while (token.ranges.empty() || !pattern_.substr(at_).starts_with(']')) {
      std::optional<char32_t> first = class_character();
      if (!first) {
        return false;
      }
      CharacterRange range{*first, *first};
      if (pattern_[at_] == '-') {
        ++at_;
        std::optional<char32_t> last = class_character();
        if (!last) {
          return false;
        }
        range.last = *last;
      }
      token.ranges.push_back(range);
    }
    ++at_;
    chunk.push_back(std::move(token));
    return true;
  }

  // A character of a class, which something must follow.
  std::optional<char32_t> class_character() {
    if (at_ == pattern_.size() || pattern_[at_] == '-' || pattern_[at_] == ']') {
      return std::nullopt;
    }
    if (pattern_[at_] == '\\' && ++at_ == pattern_.size()) {
      return std::nullopt;
    }
    Decoded decoded = decode_utf8(pattern_, at_);
    at_ += decoded.size;
    bool bad_bytes = decoded.character == kReplacementCharacter && decoded.size == 1;
    if (bad_bytes || at_ == pattern_.size()) {
      return std::nullopt;
    }
    return decoded.character;
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
};

bool matches(const Token& token, char32_t character) {
  switch (token.kind) {
    case Token::Kind::kLiteral:
      return token.character == character;
    case Token::Kind::kAny:
      return character != '/';
    case Token::Kind::kClass:
      break;
  }
  for (const CharacterRange& range : token.ranges) {
    if (range.first <= character && character <= range.last) {
      return !token.negated;
    }
  }
  return token.negated;
}

// The offset behind the chunk if it matches at `at`.
std::optional<std::size_t> match_chunk(const Chunk& chunk, std::string_view name, std::size_t at) {
  for (const Token& token : chunk) {
    Decoded decoded = decode_utf8(name, at);
    if (decoded.size == 0 || !matches(token, decoded.character)) {
      return std::nullopt;
    }
    at += decoded.size;
  }
  return at;
}

// The earliest end of the chunk behind a star that starts at `at`; the last chunk must end the
// name.
std::optional<std::size_t> match_after_star(const Chunk& chunk, std::string_view name,
                                            std::size_t at, bool last) {
  while (true) {
    std::optional<std::size_t> end = match_chunk(chunk, name, at);
    if (end && (!last || *end == name.size())) {
      return end;
    }
    if (at == name.size() || name[at] == '/') {
      return std::nullopt;
    }
    at += decode_utf8(name, at).size;
  }
}

}  // namespace

bool has_wildcard(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '[') {
      return true;
    }
  }
  return false;
}

std::expected<bool, std::string> match_glob(std::string_view pattern, std::string_view name) {
  std::optional<std::vector<Chunk>> chunks = Compiler(pattern).run();
  if (!chunks) {
    return std::unexpected("syntax error in pattern");
  }
  std::optional<std::size_t> at = match_chunk(chunks->front(), name, 0);
  for (std::size_t index = 1; at && index < chunks->size(); ++index) {
    at = match_after_star((*chunks)[index], name, *at, index + 1 == chunks->size());
  }
  return at == name.size();
}

bool is_valid_glob(std::string_view pattern) {
  return Compiler(pattern).run().has_value();
}

std::string clean_path(std::string_view path) {
  bool rooted = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    std::size_t end = std::min(path.find('/', at), path.size());
    std::string_view part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (std::string_view part : parts) {
    out.append(out.empty() || out == "/" ? "" : "/").append(part);
  }
  return out.empty() ? "." : out;
}

}  // namespace slipway::parser
