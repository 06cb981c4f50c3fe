#pragma once

#include <expected>
#include <string>
#include <string_view>

// Wildcards of COPY and ADD sources: `*` and `?` do not match '/', `[a-z]` and `[^a]` are classes,
// `\` escapes. `**` is the same as `*`. A leading dot is not special.

namespace slipway::parser {

// Has the text a wildcard character ('*', '?', '[') that is not escaped?
bool has_wildcard(std::string_view pattern);

// Does the whole name match? The error is «syntax error in pattern». Time is bounded by the
// product of the two lengths.
std::expected<bool, std::string> match_glob(std::string_view pattern, std::string_view name);

// Is the pattern well formed?
bool is_valid_glob(std::string_view pattern);

// A path cleaned by text alone, as for Unix paths: no "//", ".", "a/..", trailing slash; "" is ".".
std::string clean_path(std::string_view path);

}  // namespace slipway::parser
