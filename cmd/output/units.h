#pragma once

// Sizes, times and durations in the words that docker's users know.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace slipway::cmd {

// Decimal units and three significant digits: "0B", "12.3kB", "4.26MB", "1.05GB".
std::string size_text(std::uint64_t bytes);
// The same with four digits, as `system df` and progress have it: "1.984MB".
std::string precise_size_text(std::uint64_t bytes);

// "Less than a second", "42 seconds", "About a minute", "3 weeks", "2 years".
std::string duration_text(std::int64_t seconds);

// "3 weeks ago". A time of 0 or earlier is none: "N/A".
std::string age_text(base::Timestamp then, base::Timestamp now);

// "2026-08-01 10:00:00 +0000 UTC". DIFFERS: docker shows the local zone; ours is the same for
// everybody, as everything that ends up in scripts.
std::string time_text(base::Timestamp time);

// The first `characters` of UTF-8 text, the last of them "…" if something is missing.
std::string ellipsis(std::string_view text, std::size_t characters);
// Code points; what a column of a table counts.
std::size_t character_count(std::string_view text);

// "sha256:0123456789abcdef…" as people see it: 12 digits.
std::string short_id(std::string_view digest_text);

}  // namespace slipway::cmd
