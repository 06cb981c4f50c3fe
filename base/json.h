#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace slipway::base {

// JSON from outside, with limits: depth 64, and whatever size the caller let in. kInput with `what`
// in the message for anything that is not one JSON value (duplicate keys: the last wins, as
// everywhere in the field). Include <nlohmann/json.hpp> in the .cc that calls it.
nlohmann::json parse_json(std::string_view text, std::string_view what);

// Compact, members sorted by name, invalid UTF-8 replaced: what is hashed or sent.
std::string dump_json(const nlohmann::json& value);

// Members of documents that a hostile peer may have written: the default where the member is absent
// or null, kInput naming `what` and the member where it has another type.
std::string json_text(const nlohmann::json& object, std::string_view member, std::string_view what);
long long json_integer(const nlohmann::json& object, std::string_view member, long long absent,
                       std::string_view what);
bool json_bool(const nlohmann::json& object, std::string_view member, std::string_view what);

}  // namespace slipway::base
