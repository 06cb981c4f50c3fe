#include "parser/durations.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "parser/quoting.h"

namespace slipway::parser {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// The two spellings of micro: U+00B5 and U+03BC.
constexpr std::array kUnits{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"\xC2\xB5s", 1'000},
    Unit{"\xCE\xBCs", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};

constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Digits {
  std::uint64_t value = 0;
  double scale = 1;
  std::size_t count = 0;
  bool overflow = false;
};

Digits take_whole(std::string_view& text) {
  Digits digits;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits.count) {
    std::uint64_t digit = static_cast<std::uint64_t>(text.front() - '0');
    if (digits.value > (kLimit - digit) / 10) {
      digits.overflow = true;
    } else {
      digits.value = digits.value * 10 + digit;
    }
  }
  return digits;
}

// Digits behind a point; those beyond what fits do not count.
Digits take_fraction(std::string_view& text) {
  Digits digits;
  bool full = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits.count) {
    std::uint64_t digit = static_cast<std::uint64_t>(text.front() - '0');
    if (full || digits.value > (kLimit - 1 - digit) / 10) {
      full = true;
      continue;
    }
    digits.value = digits.value * 10 + digit;
    digits.scale *= 10;
  }
  return digits;
}

std::string invalid(std::string_view whole) {
  return "time: invalid duration " + quote_text(whole);
}

// One `<number><unit>` at the start of `rest`.
std::expected<std::uint64_t, std::string> take_part(std::string_view whole,
                                                    std::string_view& rest) {
  if (rest.front() != '.' && !is_digit(rest.front())) {
    return std::unexpected(invalid(whole));
  }
  Digits before = take_whole(rest);
  Digits after;
  if (!before.overflow && rest.starts_with('.')) {
    rest.remove_prefix(1);
    after = take_fraction(rest);
  }
  if (before.overflow || before.count + after.count == 0) {
    return std::unexpected(invalid(whole));
  }
  std::size_t end = 0;
  while (end < rest.size() && rest[end] != '.' && !is_digit(rest[end])) {
    ++end;
  }
  if (end == 0) {
    return std::unexpected("time: missing unit in duration " + quote_text(whole));
  }
  std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  const Unit* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                  [&](const Unit& known) { return known.name == name; });
  if (unit == kUnits.end()) {
    return std::unexpected("time: unknown unit " + quote_text(name) + " in duration " +
                           quote_text(whole));
  }
  if (before.value > kLimit / unit->nanoseconds) {
    return std::unexpected(invalid(whole));
  }
  std::uint64_t value = before.value * unit->nanoseconds;
  if (after.value > 0) {
    value += static_cast<std::uint64_t>(static_cast<double>(after.value) *
                                        (static_cast<double>(unit->nanoseconds) / after.scale));
  }
  return value > kLimit ? std::unexpected(invalid(whole))
                        : std::expected<std::uint64_t, std::string>(value);
}

// `value` / 10^digits with the zeros at its end left out: 1500, 3 is "1.5".
std::string with_fraction(std::uint64_t value, int digits) {
  std::string fraction;
  for (int index = 0; index < digits; ++index) {
    fraction.insert(fraction.begin(), static_cast<char>('0' + value % 10));
    value /= 10;
  }
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(value) + (fraction.empty() ? "" : "." + fraction);
}

}  // namespace

std::expected<std::int64_t, std::string> parse_duration(std::string_view text) {
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) {
    rest.remove_prefix(1);
  }
  if (rest == "0") {
    return 0;
  }
  if (rest.empty()) {
    return std::unexpected(invalid(text));
  }
  std::uint64_t total = 0;
  while (!rest.empty()) {
    auto part = take_part(text, rest);
    if (!part) {
      return std::unexpected(std::move(part.error()));
    }
    total += *part;
    if (total > kLimit) {
      return std::unexpected(invalid(text));
    }
  }
  if (negative) {
    return total == kLimit ? std::numeric_limits<std::int64_t>::min()
                           : -static_cast<std::int64_t>(total);
  }
  if (total == kLimit) {
    return std::unexpected(invalid(text));
  }
  return static_cast<std::int64_t>(total);
}

std::string format_duration(std::int64_t nanoseconds) {
  std::string sign = nanoseconds < 0 ? "-" : "";
  std::uint64_t value = static_cast<std::uint64_t>(nanoseconds);
  value = nanoseconds < 0 ? 0 - value : value;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (value == 0) {
    return "0s";
  }
  if (value < 1'000) {
    return sign + std::to_string(value) + "ns";
  }
  if (value < 1'000'000) {
    return sign + with_fraction(value, 3) + "\xC2\xB5s";
  }
  if (value < kSecond) {
    return sign + with_fraction(value, 6) + "ms";
  }
  std::uint64_t minutes = value / (60 * kSecond);
  std::string out = with_fraction(value % (60 * kSecond), 9) + "s";
  if (minutes > 0) {
    out = std::to_string(minutes % 60) + "m" + out;
  }
  if (minutes >= 60) {
    out = std::to_string(minutes / 60) + "h" + out;
  }
  return sign + out;
}

}  // namespace slipway::parser
