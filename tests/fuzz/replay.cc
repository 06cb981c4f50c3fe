#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/corpora.h"

namespace slipway::tests {
namespace {

void run(const std::string& input) {
  EXPECT_EQ(
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
}

// Each file of the target's corpus, whole and cut short at a few places: an input that ends in the
// middle is the usual mistake.
TEST(Replay, EveryInput) {
  const char* testdata = std::getenv("SLIPWAY_TESTDATA");
  std::filesystem::path folder =
      std::filesystem::path(testdata == nullptr ? "testdata" : testdata) / "fuzz" /
      SLIPWAY_FUZZ_TARGET;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::string input = read_text_file(entry.path());
    for (std::size_t part = 0; part <= 8; ++part) {
      run(input.substr(0, input.size() * part / 8));
    }
    ++count;
  }
  EXPECT_GT(count, 0U) << folder << " holds no inputs";
}

TEST(Replay, EverySingleByte) {
  for (int byte = 0; byte < 256; ++byte) {
    run(std::string(1, static_cast<char>(byte)));
  }
}

}  // namespace
}  // namespace slipway::tests
