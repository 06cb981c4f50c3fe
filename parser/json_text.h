#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/words.h"

namespace slipway::parser {

// A JSON array as the exec form of an instruction reads it.
struct JsonStrings {
  std::vector<Word> words;  // decoded; complete only if all_strings
  bool all_strings = true;  // false: a valid array with an element that is no string
};

// Nothing unless the whole text is one valid JSON array. Bytes that are no UTF-8 and lone
// surrogates become U+FFFD. Nesting deeper than 10,000 is not valid. `base` is added to offsets.
std::optional<JsonStrings> parse_json_strings(std::string_view text, std::size_t base = 0);

}  // namespace slipway::parser
