#include "tests/support/json_corpus.h"

#include <iostream>

#include <nlohmann/json.hpp>

#include "tests/support/corpora.h"

namespace slipway::tests {

namespace {

constexpr std::size_t kShownMax = 30;

}  // namespace

void run_corpus(const std::string& file, const CaseCheck& check) {
  std::optional<std::string> corpora = find_corpora();
  if (!corpora) {
    GTEST_SKIP() << "NO CORPORA: set SLIPWAY_CORPORA to run " << file;
  }
  nlohmann::json document = nlohmann::json::parse(read_text_file(*corpora + "/" + file));
  const nlohmann::json& cases = document.is_array() ? document : document.at("cases");
  std::size_t count = 0;
  std::size_t failed = 0;
  for (const nlohmann::json& one : cases) {
    ++count;
    if (auto problem = check(one); problem && ++failed <= kShownMax) {
      ADD_FAILURE() << file << " case " << count - 1 << ": " << one.dump() << "\n" << *problem;
    }
  }
  std::cout << file << ": " << count << " cases run, " << failed << " failed\n";
  EXPECT_EQ(failed, 0U);
  EXPECT_GT(count, 0U) << file << " holds no cases";
}

std::optional<std::string> compare(const std::string& what, const nlohmann::json& expected,
                                   const nlohmann::json& actual) {
  if (expected == actual) {
    return std::nullopt;
  }
  return what + ": expected " + expected.dump() + "\n  got " +
         actual.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace slipway::tests
