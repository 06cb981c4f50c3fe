#include "parser/check_health.h"

#include <array>
#include <charconv>
#include <utility>

#include "parser/durations.h"
#include "parser/flags.h"
#include "parser/quoting.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

constexpr std::array kHealthFlags{
    FlagRule{"interval", FlagKind::kString},       FlagRule{"retries", FlagKind::kString},
    FlagRule{"start-interval", FlagKind::kString}, FlagRule{"start-period", FlagKind::kString},
    FlagRule{"timeout", FlagKind::kString},
};

Problem read_interval(const Flags& flags, std::string_view name, std::int64_t& out) {
  std::string text = flags.string(name);
  if (text.empty()) {
    return std::nullopt;
  }
  auto duration = parse_duration(text);
  if (!duration) {
    return std::move(duration.error());
  }
  constexpr std::int64_t kMillisecond = 1'000'000;
  if (*duration != 0 && *duration < kMillisecond) {
    return "Interval " + quote_text(name) + " cannot be less than 1ms";
  }
  out = *duration;
  return std::nullopt;
}

Problem read_retries(const Flags& flags, int& out) {
  std::string text = flags.string("retries");
  if (text.empty()) {
    return std::nullopt;
  }
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') {
    digits.remove_prefix(1);
  }
  std::int32_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return "strconv.ParseInt: parsing " + quote_text(text) + ": invalid syntax";
  }
  if (error == std::errc::result_out_of_range) {
    return "strconv.ParseInt: parsing " + quote_text(text) + ": value out of range";
  }
  if (number < 0) {
    return "--retries cannot be negative (" + std::to_string(number) + ")";
  }
  out = number;
  return std::nullopt;
}

Problem read_flags(const Flags& flags, Healthcheck& out) {
  const std::pair<std::string_view, std::int64_t*> intervals[] = {
      {"interval", &out.interval_ns},
      {"timeout", &out.timeout_ns},
      {"start-period", &out.start_period_ns},
      {"start-interval", &out.start_interval_ns},
  };
  for (const auto& [name, member] : intervals) {
    if (Problem problem = read_interval(flags, name, *member)) {
      return problem;
    }
  }
  return read_retries(flags, out.retries);
}

}  // namespace

Problem check_healthcheck(const LogicalLine& line, Healthcheck& out) {
  if (line.arguments.empty()) {
    return at_least_one("HEALTHCHECK");
  }
  std::string type = upper_ascii(line.arguments[0].text);
  std::vector<std::string> command = texts_of(std::span(line.arguments).subspan(1));
  if (type == "NONE") {
    // Flags are not looked at.
    out.test = {type};
    return command.empty() ? std::nullopt : Problem("HEALTHCHECK NONE takes no arguments");
  }
  Flags flags;
  if (Problem problem = flags.read(line.flags, kHealthFlags)) {
    return problem;
  }
  if (type != "CMD") {
    return "Unknown type " + quote_text(type) + " in HEALTHCHECK (try CMD)";
  }
  if (command.empty()) {
    return "Missing command after HEALTHCHECK CMD";
  }
  out.test = std::move(command);
  out.test.insert(out.test.begin(), line.form == ArgumentForm::kJson ? "CMD" : "CMD-SHELL");
  return read_flags(flags, out);
}

}  // namespace slipway::parser
