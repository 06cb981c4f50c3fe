#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/lint/checks.h"

namespace slipway::tests {

// As much planning as the checks need: expansion of FROM and of every instruction, with base images
// that have nothing but a PATH. Images, contexts and platforms are only names here.
struct SmallPlan {
  enum class Stages { kAll, kReachable };

  std::map<std::string, std::string, std::less<>> build_arguments;
  std::optional<std::string> ignore_file;
  Stages stages = Stages::kAll;  // kReachable: those that the target needs
  std::string target;            // empty: the last stage
};

// Runs all checks of a file and gives the error that ends it, if any.
std::optional<parser::Diagnostic> run_checks(std::string_view text, const SmallPlan& plan,
                                             parser::Linter& linter);

}  // namespace slipway::tests
