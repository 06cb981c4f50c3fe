#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::parser {

// The checks of language reference section 13.1, in its order.
enum class LintRule {
  kStageNameCasing,
  kFromAsCasing,
  kNoEmptyContinuation,
  kConsistentInstructionCasing,
  kDuplicateStageName,
  kReservedStageName,
  kJsonArgsRecommended,
  kMaintainerDeprecated,
  kUndefinedArgInFrom,
  kWorkdirRelativePath,
  kUndefinedVar,
  kMultipleInstructionsDisallowed,
  kLegacyKeyValueFormat,
  kInvalidBaseImagePlatform,
  kRedundantTargetPlatform,
  kSecretsUsedInArgOrEnv,
  kInvalidDefaultArgInFrom,
  kFromPlatformFlagConstDisallowed,
  kCopyIgnoredFile,
  kInvalidDefinitionDescription,
  kExposeProtoCasing,
  kExposeInvalidFormat,
};

inline constexpr std::size_t kLintRuleCount = 22;

struct LintRuleInfo {
  LintRule rule;
  std::string_view name;         // "StageNameCasing"
  std::string_view description;  // one fixed line
  std::string_view slug;         // "stage-name-casing"; empty: no page about it
  bool experimental = false;     // off unless asked for

  std::string url() const;  // empty where there is no page
};

const LintRuleInfo& lint_rule_info(LintRule rule);
const std::array<LintRuleInfo, kLintRuleCount>& lint_rules();

}  // namespace slipway::parser
