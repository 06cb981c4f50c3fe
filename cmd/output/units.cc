#include "cmd/output/units.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kShortIdDigits = 12;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kHoursOfDay = 24;

std::string scaled_size_text(std::uint64_t bytes, int digits) {
  constexpr std::array<const char*, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  char text[64];
  std::snprintf(text, sizeof text, "%.*g%s", digits, value, kUnits[unit]);
  return text;
}

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  return scaled_size_text(bytes, 3);
}

std::string precise_size_text(std::uint64_t bytes) {
  return scaled_size_text(bytes, 4);
}

// The borders are docker's (go-units, HumanDuration): hours are rounded, larger units are cut.
std::string duration_text(std::int64_t seconds) {
  if (seconds < 1) {
    return "Less than a second";
  }
  if (seconds < kMinute) {
    return seconds == 1 ? "1 second" : cat(seconds, " seconds");
  }
  if (seconds < kHour) {
    return seconds < 2 * kMinute ? "About a minute" : cat(seconds / kMinute, " minutes");
  }
  std::int64_t hours = (seconds + kHour / 2) / kHour;
  if (hours == 1) {
    return "About an hour";
  }
  if (hours < 2 * kHoursOfDay) {
    return cat(hours, " hours");
  }
  if (hours < 2 * 7 * kHoursOfDay) {
    return cat(hours / kHoursOfDay, " days");
  }
  if (hours < 2 * 30 * kHoursOfDay) {
    return cat(hours / kHoursOfDay / 7, " weeks");
  }
  if (hours < 2 * 365 * kHoursOfDay) {
    return cat(hours / kHoursOfDay / 30, " months");
  }
  return cat(seconds / kHour / kHoursOfDay / 365, " years");
}

std::string age_text(base::Timestamp then, base::Timestamp now) {
  return then.seconds <= 0 ? "N/A" : cat(duration_text(now.seconds - then.seconds), " ago");
}

std::string time_text(base::Timestamp time) {
  std::string text = base::format_rfc3339({time.seconds, 0});
  text[text.find('T')] = ' ';
  text.pop_back();  // the Z
  return text + " +0000 UTC";
}

std::size_t character_count(std::string_view text) {
  std::size_t count = 0;
  for (char byte : text) {
    count += continues_character(byte) ? 0 : 1;
  }
  return count;
}

std::string ellipsis(std::string_view text, std::size_t characters) {
  if (character_count(text) <= characters) {
    return std::string(text);
  }
  std::size_t left = characters;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (!continues_character(text[end]) && left-- == 1) {
      break;
    }
  }
  return cat(text.substr(0, end), "…");
}

std::string short_id(std::string_view digest_text) {
  std::string_view hex = digest_text.substr(digest_text.find(':') + 1);
  return std::string(hex.substr(0, kShortIdDigits));
}

}  // namespace slipway::cmd
