#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

// Durations in the syntax HEALTHCHECK uses: "1m30s", "500ms", "-1.5h".

namespace slipway::parser {

// In nanoseconds. The error is the original's: «time: missing unit in duration "5"».
std::expected<std::int64_t, std::string> parse_duration(std::string_view text);

// The shortest usual spelling: 90000000000 is "1m30s", 0 is "0s", 1500000 is "1.5ms".
std::string format_duration(std::int64_t nanoseconds);

}  // namespace slipway::parser
