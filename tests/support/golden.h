#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::tests {

// The folders below testdata/<kind>, sorted: one golden case each.
std::vector<std::string> golden_cases(std::string_view kind);

// Compares `actual` with the file. With UPDATE_GOLDEN=1 in the environment the file is rewritten
// instead and the test is marked skipped, so that a run that rewrites can't pass for a run that
// checks.
void expect_golden(const std::string& file, std::string_view actual);

}  // namespace slipway::tests
