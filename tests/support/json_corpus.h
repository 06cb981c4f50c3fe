#pragma once

#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json_fwd.hpp>

namespace slipway::tests {

// What the run of one case gave: nothing (it passed), or what was wrong. A case whose kind the test
// does not know must be a failure too, never a silent pass.
using CaseCheck = std::function<std::optional<std::string>(const nlohmann::json&)>;

// Runs every case of <corpora>/<file> (an array, or an object with "cases"), prints the count, and
// fails with the first mistakes; a check that throws has failed, and the next case is run. Skips,
// saying so, where there are no corpora or they lack the file.
void run_corpus(const std::string& file, const CaseCheck& check);

// "expected X, got Y" where they differ.
std::optional<std::string> compare(const std::string& what, const nlohmann::json& expected,
                                   const nlohmann::json& actual);

}  // namespace slipway::tests
