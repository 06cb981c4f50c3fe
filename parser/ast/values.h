#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

// Values that several flags and options take.

namespace slipway::parser {

// 1 t T TRUE true True, 0 f F FALSE false False.
std::optional<bool> parse_boolean(std::string_view text);

// Bytes with an optional unit of 1024s: "64m", "1.5g", "10 KiB", "3".
std::optional<std::int64_t> parse_binary_size(std::string_view text);

}  // namespace slipway::parser
