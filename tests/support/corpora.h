#pragma once

#include <optional>
#include <string>

namespace slipway::tests {

// The folder of the reference corpora: $SLIPWAY_CORPORA, else ../shared/corpora beside the
// checkout; nothing where neither exists. A test that needs it calls GTEST_SKIP with the reason; CI
// fails if corpus tests were skipped.
std::optional<std::string> find_corpora();

// The whole content of a file, or a test failure (and an empty string) if it can't be read.
std::string read_text_file(const std::string& path);

}  // namespace slipway::tests
