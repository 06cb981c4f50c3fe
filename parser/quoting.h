#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slipway::parser {

// The text in double quotes, escaped as error messages and history entries do: \a \b \f \n \r \t
// \v \" \\, other unprintable characters as \x.., \u...., \U........, bytes that are no UTF-8 as
// \x...
std::string quote_text(std::string_view text);

// `["a" "b"]`: the quoted texts, separated by spaces, in square brackets; as in the history of
// CMD and ENTRYPOINT.
std::string quote_list(std::span<const std::string> texts);

// `[a b]`: the texts as they are; as in the history of SHELL, VOLUME and EXPOSE.
std::string bracket_list(std::span<const std::string> texts);

}  // namespace slipway::parser
