#pragma once

// Several excerpts of one text, without looking for its lines each time.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/source.h"

namespace slipway::parser {

// The lines without their newlines; a final newline counts as starting one more, empty, row.
std::vector<std::string_view> rows_of(std::string_view text);

// render_excerpt() of source.h for the text that the rows are of.
std::string render_excerpt_of(std::string_view file_name, std::span<const std::string_view> rows,
                              LineSpan marked);

}  // namespace slipway::parser
