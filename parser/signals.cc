#include "parser/signals.h"

#include <array>
#include <charconv>
#include <string>

#include "parser/unicode.h"

namespace slipway::parser {

namespace {

struct Signal {
  std::string_view name;
  int number;
};

// The numbers of Linux on the architectures images are usually made for; only whether there is one
// matters to a build.
constexpr std::array kSignals{
    Signal{"HUP", 1},     Signal{"INT", 2},    Signal{"QUIT", 3},   Signal{"ILL", 4},
    Signal{"TRAP", 5},    Signal{"ABRT", 6},   Signal{"IOT", 6},    Signal{"BUS", 7},
    Signal{"FPE", 8},     Signal{"KILL", 9},   Signal{"USR1", 10},  Signal{"SEGV", 11},
    Signal{"USR2", 12},   Signal{"PIPE", 13},  Signal{"ALRM", 14},  Signal{"TERM", 15},
    Signal{"STKFLT", 16}, Signal{"CHLD", 17},  Signal{"CLD", 17},   Signal{"CONT", 18},
    Signal{"STOP", 19},   Signal{"TSTP", 20},  Signal{"TTIN", 21},  Signal{"TTOU", 22},
    Signal{"URG", 23},    Signal{"XCPU", 24},  Signal{"XFSZ", 25},  Signal{"VTALRM", 26},
    Signal{"PROF", 27},   Signal{"WINCH", 28}, Signal{"IO", 29},    Signal{"POLL", 29},
    Signal{"PWR", 30},    Signal{"SYS", 31},   Signal{"RTMIN", 34}, Signal{"RTMAX", 64},
};

std::optional<int> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

// The n of RTMIN+n or RTMAX-n: plain digits without leading zeros.
std::optional<int> parse_step(std::string_view text, int most) {
  std::optional<int> step = parse_number(text);
  if (!step || *step < 1 || *step > most || std::to_string(*step) != text) {
    return std::nullopt;
  }
  return step;
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
  if (std::optional<int> number = parse_number(text)) {
    return *number == 0 ? std::nullopt : number;
  }
  std::string upper = upper_ascii(text);
  std::string_view name = upper;
  if (name.starts_with("SIG")) {
    name.remove_prefix(3);
  }
  for (const Signal& signal : kSignals) {
    if (signal.name == name) {
      return signal.number;
    }
  }
  if (name.starts_with("RTMIN+")) {
    std::optional<int> step = parse_step(name.substr(6), 15);
    return step ? std::optional(34 + *step) : std::nullopt;
  }
  if (name.starts_with("RTMAX-")) {
    std::optional<int> step = parse_step(name.substr(6), 14);
    return step ? std::optional(64 - *step) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace slipway::parser
