#pragma once

#include <string>
#include <string_view>

namespace slipway::parser {

// Appends a replacement as a regular expression library would: `$name` and `${name}` are groups, of
// which `$0` is the match and no other exists, `$$` is a dollar, any other dollar is itself.
void append_replacement(std::string& out, std::string_view replacement, std::string_view matched);

}  // namespace slipway::parser
