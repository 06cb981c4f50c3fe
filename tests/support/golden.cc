#include "tests/support/golden.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/corpora.h"

namespace slipway::tests {

std::vector<std::string> golden_cases(std::string_view kind) {
  const char* testdata = std::getenv("SLIPWAY_TESTDATA");
  std::filesystem::path folder =
      std::filesystem::path(testdata == nullptr ? "testdata" : testdata) / kind;
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory()) {
      cases.push_back(entry.path().string());
    }
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

void expect_golden(const std::string& file, std::string_view actual) {
  const char* update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(file, std::ios::binary) << actual;
    GTEST_SKIP() << "rewrote " << file;
  }
  EXPECT_EQ(read_text_file(file), actual)
      << "golden file " << file << "; UPDATE_GOLDEN=1 rewrites it";
}

}  // namespace slipway::tests
