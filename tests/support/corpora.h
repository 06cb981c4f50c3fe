#pragma once

#include <optional>
#include <string>

namespace slipway::tests {

// The folder of the reference corpora: $SLIPWAY_CORPORA, else ../shared/corpora beside the
// checkout; nothing where neither exists. A test that needs it calls GTEST_SKIP with the reason; CI
// fails if corpus tests were skipped.
std::optional<std::string> find_corpora();

// <corpora>/<file>, or nothing where there are no corpora or where they lack this file: others than
// those beside the checkout may be a part of them. `why` then says what is missing.
std::optional<std::string> find_corpus_file(const std::string& file, std::string& why);

// The whole content of a file, or a test failure (and an empty string) if it can't be read.
std::string read_text_file(const std::string& path);

}  // namespace slipway::tests
