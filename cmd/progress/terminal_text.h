#pragma once

// Text that has to fit into a line of a terminal.

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::cmd {

// The text without what could move the cursor or colour the rest: escape sequences go away, a tab
// is a space, other control characters and bytes that are no UTF-8 are "?".
std::string harmless(std::string_view text);

// Columns that UTF-8 text takes: two for wide characters of East Asia and pictures, none for marks
// that combine with the character before them.
std::size_t columns_of(std::string_view text);

// As much of the text as fits into so many columns, ending in "…" if something is missing.
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace slipway::cmd
