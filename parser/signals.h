#pragma once

#include <optional>
#include <string_view>

namespace slipway::parser {

// The number of a signal given as a number (not 0) or a name, with or without "SIG", in any case,
// with RTMIN+n and RTMAX-n; nothing for anything else («invalid signal: <text>»).
std::optional<int> parse_signal(std::string_view text);

}  // namespace slipway::parser
