#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace slipway::builder {

// One YAML document as the JSON value it stands for. Plain words mean what they mean to the field's
// readers of device files: null, booleans, integers (decimal, 0x, and octal with 0 or 0o);
// everything else is a string. kInput with `what` in the message for what is no such document, for
// nesting deeper than 64, more than 200,000 values, keys that are no plain words, and aliases (with
// which a short file can stand for a huge document).
nlohmann::json parse_yaml(std::string_view text, std::string_view what);

}  // namespace slipway::builder
