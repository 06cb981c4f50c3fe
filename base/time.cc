#include "base/time.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/text.h"

namespace slipway::base {

namespace {

constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Thu", "Fri", "Sat", "Sun",
                                                       "Mon", "Tue", "Wed"};

struct Civil {
  std::int64_t year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// Days from 1970-01-01 in the proleptic Gregorian calendar. Years start in March here, so that the
// leap day is the last.
std::int64_t days_of(const Civil& civil) {
  std::int64_t year = civil.year - (civil.month <= 2 ? 1 : 0);
  std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  std::int64_t year_of_era = year - era * 400;
  std::int64_t day_of_year =
      (153 * (civil.month + (civil.month > 2 ? -3 : 9)) + 2) / 5 + civil.day - 1;
  std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

std::int64_t seconds_of(const Civil& civil) {
  return days_of(civil) * kSecondsPerDay + civil.hour * 3600LL + civil.minute * 60LL + civil.second;
}

Civil civil_of(std::int64_t seconds) {
  std::time_t value = seconds;
  std::tm parts{};
  ::gmtime_r(&value, &parts);
  return {parts.tm_year + 1900LL, parts.tm_mon + 1, parts.tm_mday,
          parts.tm_hour,          parts.tm_min,     parts.tm_sec};
}

int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

bool is_valid(const Civil& civil) {
  return civil.month >= 1 && civil.month <= 12 && civil.day >= 1 &&
         civil.day <= days_in_month(civil.year, civil.month) && civil.hour <= 23 &&
         civil.minute <= 59 && civil.second <= 60;
}

std::optional<int> digits(std::string_view text, std::size_t place, std::size_t count) {
  if (place + count > text.size()) {
    return std::nullopt;
  }
  std::string_view piece = text.substr(place, count);
  if (piece.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return parse_integer<int>(piece);
}

std::string two_digits(int number) {
  return cat(number < 10 ? "0" : "", number);
}

std::optional<Civil> civil_prefix(std::string_view text) {
  auto year = digits(text, 0, 4);
  auto month = digits(text, 5, 2);
  auto day = digits(text, 8, 2);
  auto hour = digits(text, 11, 2);
  auto minute = digits(text, 14, 2);
  auto second = digits(text, 17, 2);
  bool complete = year && month && day && hour && minute && second;
  if (!complete || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  Civil civil{*year, *month, *day, *hour, *minute, *second};
  return is_valid(civil) ? std::optional(civil) : std::nullopt;
}

// ".123" at the front of `text`, which is advanced behind it.
std::optional<std::int32_t> take_fraction(std::string_view& text) {
  if (text.empty() || text.front() != '.') {
    return 0;
  }
  std::size_t end = text.find_first_not_of("0123456789", 1);
  end = end == std::string_view::npos ? text.size() : end;
  if (end == 1) {
    return std::nullopt;
  }
  std::string nine(text.substr(1, std::min<std::size_t>(end - 1, 9)));
  nine.resize(9, '0');
  text.remove_prefix(end);
  return parse_integer<std::int32_t>(nine);
}

std::optional<int> offset_seconds(std::string_view text) {
  if (text == "Z" || text == "z") {
    return 0;
  }
  auto hours = digits(text, 1, 2);
  auto minutes = digits(text, 4, 2);
  if (text.size() != 6 || !hours || !minutes || text[3] != ':' ||
      (text[0] != '+' && text[0] != '-')) {
    return std::nullopt;
  }
  return (text[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::string format_rfc3339(Timestamp time) {
  Civil civil = civil_of(time.seconds);
  char date[64];
  std::snprintf(date, sizeof date, "%04lld-%02d-%02dT%02d:%02d:%02d",
                static_cast<long long>(civil.year), civil.month, civil.day, civil.hour,
                civil.minute, civil.second);
  std::string out = date;
  if (time.nanoseconds != 0) {
    char fraction[32];
    std::snprintf(fraction, sizeof fraction, ".%09d", time.nanoseconds);
    out += fraction;
    out.resize(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  if (text.size() < 20) {
    return std::nullopt;
  }
  std::optional<Civil> civil = civil_prefix(text);
  text.remove_prefix(19);
  std::optional<std::int32_t> fraction = take_fraction(text);
  std::optional<int> offset = offset_seconds(text);
  if (!civil || !fraction || !offset) {
    return std::nullopt;
  }
  return Timestamp{seconds_of(*civil) - *offset, *fraction};
}

std::optional<Timestamp> parse_http_date(std::string_view text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (text.size() != 29 || text.substr(25) != " GMT" || text.substr(3, 2) != ", ") {
    return std::nullopt;
  }
  auto day = digits(text, 5, 2);
  auto year = digits(text, 12, 4);
  auto hour = digits(text, 17, 2);
  auto minute = digits(text, 20, 2);
  auto second = digits(text, 23, 2);
  int month = 0;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    month = text.substr(8, 3) == kMonths[i] ? static_cast<int>(i) + 1 : month;
  }
  if (!day || !year || !hour || !minute || !second || month == 0) {
    return std::nullopt;
  }
  Civil civil{*year, month, *day, *hour, *minute, *second};
  return is_valid(civil) ? std::optional(Timestamp{seconds_of(civil), 0}) : std::nullopt;
}

std::string format_http_date(Timestamp time) {
  Civil civil = civil_of(time.seconds);
  std::int64_t day = days_of(civil);
  return cat(kWeekdays[static_cast<std::size_t>(((day % 7) + 7) % 7)], ", ", two_digits(civil.day),
             " ", kMonths[static_cast<std::size_t>(civil.month - 1)], " ", civil.year, " ",
             two_digits(civil.hour), ":", two_digits(civil.minute), ":", two_digits(civil.second),
             " GMT");
}

Timestamp SystemClock::now() const {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return {time.tv_sec, static_cast<std::int32_t>(time.tv_nsec)};
}

std::int64_t SystemClock::steady_ns() const {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

}  // namespace slipway::base
