#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::base {

// Seconds and nanoseconds (0 to 999,999,999) since 1970-01-01T00:00:00Z, also before it. What
// images and archives record.
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// RFC 3339 in UTC with as many fraction digits as needed: "2026-08-01T10:00:00Z",
// "…T10:00:00.000000123Z".
std::string format_rfc3339(Timestamp time);
// Any RFC 3339 text, with offset; nothing if it is none.
std::optional<Timestamp> parse_rfc3339(std::string_view text);
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate).
std::optional<Timestamp> parse_http_date(std::string_view text);
std::string format_http_date(Timestamp time);

// The wall clock, and a steady one for durations. Whoever decides by time takes one, so that tests
// can step it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual std::int64_t steady_ns() const = 0;
};
class SystemClock : public Clock {
 public:
  Timestamp now() const override;
  std::int64_t steady_ns() const override;
};

}  // namespace slipway::base
