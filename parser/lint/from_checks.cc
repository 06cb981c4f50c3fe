#include <algorithm>
#include <set>
#include <string>

#include "parser/global_arguments.h"
#include "parser/lint/checks.h"
#include "parser/suggest.h"

namespace slipway::parser {

namespace {

void check_undefined(const From& from, const Expansion& expansion,
                     const std::vector<std::string>& declared, Linter& linter) {
  for (const std::string& name : expansion.unmatched) {
    if (std::ranges::binary_search(declared, name)) {
      continue;
    }
    std::string hint =
        linter.may_suggest(declared.size()) ? did_you_mean(name, declared) : std::string();
    linter.report(LintRule::kUndefinedArgInFrom, from,
                  "FROM argument '" + name + "' is not declared" + hint);
  }
}

// The value is the target platform, and came from that variable alone.
void check_redundant_platform(const From& from, const FromExpansion& expansion, Linter& linter) {
  const Expansion& platform = *expansion.platform;
  if (platform.matched == std::vector<std::string>{"TARGETPLATFORM"} &&
      platform.unmatched.empty() && platform.text == expansion.target_platform) {
    linter.report(LintRule::kRedundantTargetPlatform, from,
                  "Setting platform to predefined " + from.platform +
                      " in FROM is redundant as this is the default behavior");
  }
}

void check_constant_platform(const From& from, const FromExpansion& expansion, Linter& linter) {
  const Expansion& platform = *expansion.platform;
  bool constant = platform.matched.empty() && platform.unmatched.empty();
  if (!constant || expansion.platform_architecture.empty() ||
      from.name.contains(expansion.platform_os) ||
      from.name.contains(expansion.platform_architecture)) {
    return;
  }
  linter.report(LintRule::kFromPlatformFlagConstDisallowed, from,
                "FROM --platform flag should not use constant value \"" + platform.text + "\"");
}

}  // namespace

void check_default_bases(const Dockerfile& dockerfile, const VariableList& predefined,
                         const std::function<bool(std::string_view)>& is_reference,
                         Linter& linter) {
  auto arguments = evaluate_global_arguments(dockerfile, predefined, {});
  if (!arguments) {
    return;  // the build itself says what is wrong, if it comes to that
  }
  std::size_t bytes = 0;
  for (const Stage& stage : dockerfile.stages) {
    auto base = expand(stage.from.base, arguments->values, {.escape = dockerfile.escape});
    // Names this long are none; a file that makes thousands of them is not looked at to its end.
    if (!base || (bytes += base->text.size()) > kGlobalArgumentsBytesMax) {
      return;
    }
    if (!is_reference(base->text)) {
      linter.report(LintRule::kInvalidDefaultArgInFrom, stage.from,
                    "Default value for ARG " + stage.from.base +
                        " results in empty or invalid base image name");
    }
  }
}

void check_from(const From& from, const FromExpansion& expansion, Linter& linter) {
  check_undefined(from, expansion.base, expansion.declared, linter);
  if (!expansion.platform) {
    return;
  }
  check_undefined(from, *expansion.platform, expansion.declared, linter);
  check_redundant_platform(from, expansion, linter);
  check_constant_platform(from, expansion, linter);
}

void check_pulled_platform(const From& from, std::string_view image, std::string_view actual,
                           std::string_view expected, Linter& linter) {
  linter.report(LintRule::kInvalidBaseImagePlatform, from,
                "Base image " + std::string(image) + " was pulled with platform \"" +
                    std::string(actual) + "\", expected \"" + std::string(expected) +
                    "\" for current build");
}

}  // namespace slipway::parser
