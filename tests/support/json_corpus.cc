#include "tests/support/json_corpus.h"

#include <iostream>

#include <nlohmann/json.hpp>

#include "tests/support/corpora.h"

namespace slipway::tests {

namespace {

constexpr std::size_t kShownMax = 30;

// A case without a member that the check reads is one that we do not know how to run.
std::optional<std::string> run_case(const nlohmann::json& one, const CaseCheck& check) {
  try {
    return check(one);
  } catch (const std::exception& error) {
    return std::string("can't be run: ") + error.what();
  }
}

}  // namespace

void run_corpus(const std::string& file, const CaseCheck& check) {
  std::string why;
  std::optional<std::string> path = find_corpus_file(file, why);
  if (!path) {
    GTEST_SKIP() << why;
  }
  nlohmann::json document = nlohmann::json::parse(read_text_file(*path));
  const nlohmann::json& cases = document.is_array() ? document : document.at("cases");
  std::size_t count = 0;
  std::size_t failed = 0;
  for (const nlohmann::json& one : cases) {
    ++count;
    if (auto problem = run_case(one, check); problem && ++failed <= kShownMax) {
      ADD_FAILURE() << file << " case " << count - 1 << ": " << one.dump() << "\n" << *problem;
    }
  }
  std::cout << file << ": " << count << " cases run, " << failed << " failed\n";
  EXPECT_EQ(failed, 0U);
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
