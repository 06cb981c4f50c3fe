#include "parser/chmod.h"

#include <charconv>
#include <utility>

namespace slipway::parser {

namespace {

constexpr std::uint32_t kUser = 4;
constexpr std::uint32_t kGroup = 2;
constexpr std::uint32_t kOthers = 1;
constexpr std::uint32_t kSetUser = 04000;
constexpr std::uint32_t kSetGroup = 02000;
constexpr std::uint32_t kSticky = 01000;
constexpr std::uint32_t kAnyExecute = 0111;

// The bits that the user classes own, including their set-id bit.
std::uint32_t bits_of(std::uint32_t who) {
  return ((who & kUser) != 0 ? kSetUser | 0700U : 0U) |
         ((who & kGroup) != 0 ? kSetGroup | 070U : 0U) | ((who & kOthers) != 0 ? 07U : 0U);
}

// The permission of one letter for every class.
std::uint32_t bits_of_letter(char letter, std::uint32_t mode, ChmodValue::Kind kind) {
  switch (letter) {
    case 'r':
      return 0444;
    case 'w':
      return 0222;
    case 'x':
      return kAnyExecute;
    case 'X':
      return kind == ChmodValue::Kind::kFolder || (mode & kAnyExecute) != 0 ? kAnyExecute : 0;
    case 's':
      return kSetUser | kSetGroup;
    case 'u':
      return (mode >> 6 & 7) * 0111;
    case 'g':
      return (mode >> 3 & 7) * 0111;
    case 'o':
      return (mode & 7) * 0111;
    default:
      return 0;
  }
}

std::uint32_t class_of(char letter) {
  return letter == 'u'   ? kUser
         : letter == 'g' ? kGroup
         : letter == 'o' ? kOthers
         : letter == 'a' ? kUser | kGroup | kOthers
                         : 0U;
}

}  // namespace

std::uint32_t ChmodValue::apply(std::uint32_t mode, Kind kind) const {
  if (octal_) {
    return mode_;
  }
  mode &= 07777;
  for (const Action& action : actions_) {
    std::uint32_t owned = bits_of(action.who);
    std::uint32_t bits = 0;
    bool sticky = false;
    for (char letter : action.permissions) {
      bits |= bits_of_letter(letter, mode, kind);
      // The sticky bit belongs to no class; others alone do not have it.
      sticky = sticky || (letter == 't' && action.who != kOthers);
    }
    bits = (bits & owned) | (sticky ? kSticky : 0U);
    if (action.operation == '=') {
      mode = (mode & ~owned) | bits;
    } else {
      mode = action.operation == '+' ? mode | bits : mode & ~bits;
    }
  }
  return mode;
}

std::expected<ChmodValue, std::string> parse_chmod(std::string_view text) {
  ChmodValue value;
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value.mode_, 8);
    if (error != std::errc{} || end != text.data() + text.size() || value.mode_ > 07777) {
      return std::unexpected("invalid chmod parameter: '" + std::string(text) +
                             "'. it should be octal string and between 0 and 07777");
    }
    value.octal_ = true;
    return value;
  }
  // Clauses `[ugoa]*([-+=][rwxXstugo]*)+`, separated by commas.
  const auto bad = [] { return std::unexpected(std::string("invalid syntax")); };
  std::size_t at = 0;
  auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  while (true) {
    std::uint32_t who = 0;
    while (class_of(peek()) != 0) {
      who |= class_of(text[at++]);
    }
    if (peek() != '+' && peek() != '-' && peek() != '=') {
      return bad();
    }
    while (peek() == '+' || peek() == '-' || peek() == '=') {
      ChmodValue::Action action{.who = who == 0 ? kUser | kGroup | kOthers : who,
                                .operation = text[at++]};
      while (peek() != '\0' && std::string_view("rwxXstugo").contains(peek())) {
        action.permissions.push_back(text[at++]);
      }
      value.actions_.push_back(std::move(action));
    }
    if (at == text.size()) {
      return value;
    }
    if (text[at++] != ',') {
      return bad();
    }
  }
}

}  // namespace slipway::parser
