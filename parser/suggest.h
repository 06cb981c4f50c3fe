#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::parser {

enum class SuggestCase { kSensitive, kIgnored };

// The option nearest to the value by Levenshtein distance (in characters, at most 2); of several
// the first. Empty where there is none, or where an option equals the value: then the spelling
// was not the trouble. Ignoring case, the answer is upper case if the value is, else lower case.
std::string find_suggestion(std::string_view value, std::span<const std::string_view> options,
                            SuggestCase use = SuggestCase::kSensitive);
std::string find_suggestion(std::string_view value, const std::vector<std::string>& options,
                            SuggestCase use = SuggestCase::kSensitive);

// " (did you mean X?)", or empty where there is no suggestion. Append it to an error message.
std::string did_you_mean(std::string_view value, std::span<const std::string_view> options,
                         SuggestCase use = SuggestCase::kSensitive);
std::string did_you_mean(std::string_view value, const std::vector<std::string>& options,
                         SuggestCase use = SuggestCase::kSensitive);

}  // namespace slipway::parser
