#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "parser/source.h"

// What the writers of JSON documents share.

namespace slipway::parser {

using Json = nlohmann::ordered_json;

// Indented, with a newline at the end; bytes that are no UTF-8 become U+FFFD.
std::string json_text(const Json& document);

// `{"ranges":[{"start":{"line":3},"end":{"line":3}}]}`, one range per line.
Json location_json(LineSpan lines);

// Standard base64 with padding.
std::string base64(std::string_view bytes);

}  // namespace slipway::parser
