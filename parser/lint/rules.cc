#include "parser/lint/rules.h"

namespace slipway::parser {

namespace {

using enum LintRule;

constexpr std::array<LintRuleInfo, kLintRuleCount> kRules{{
    {kStageNameCasing, "StageNameCasing", "Stage names should be lowercase", "stage-name-casing"},
    {kFromAsCasing, "FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword",
     "from-as-casing"},
    {kNoEmptyContinuation, "NoEmptyContinuation",
     "Empty continuation lines will become errors in a future release", "no-empty-continuation"},
    {kConsistentInstructionCasing, "ConsistentInstructionCasing",
     "All commands within the Dockerfile should use the same casing (either upper or lower)",
     "consistent-instruction-casing"},
    {kDuplicateStageName, "DuplicateStageName", "Stage names should be unique",
     "duplicate-stage-name"},
    {kReservedStageName, "ReservedStageName", "Reserved words should not be used as stage names",
     "reserved-stage-name"},
    {kJsonArgsRecommended, "JSONArgsRecommended",
     "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS "
     "signals",
     "json-args-recommended"},
    {kMaintainerDeprecated, "MaintainerDeprecated",
     "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
     "maintainer-deprecated"},
    {kUndefinedArgInFrom, "UndefinedArgInFrom", "FROM command must use declared ARGs",
     "undefined-arg-in-from"},
    {kWorkdirRelativePath, "WorkdirRelativePath",
     "Relative workdir without an absolute workdir declared within the build can have unexpected "
     "results if the base image changes",
     "workdir-relative-path"},
    {kUndefinedVar, "UndefinedVar", "Variables should be defined before their use",
     "undefined-var"},
    {kMultipleInstructionsDisallowed, "MultipleInstructionsDisallowed",
     "Multiple instructions of the same type should not be used in the same stage",
     "multiple-instructions-disallowed"},
    {kLegacyKeyValueFormat, "LegacyKeyValueFormat",
     "Legacy key/value format with whitespace separator should not be used",
     "legacy-key-value-format"},
    {kInvalidBaseImagePlatform, "InvalidBaseImagePlatform",
     "Base image platform does not match expected target platform", ""},
    {kRedundantTargetPlatform, "RedundantTargetPlatform",
     "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default "
     "behavior",
     "redundant-target-platform"},
    {kSecretsUsedInArgOrEnv, "SecretsUsedInArgOrEnv",
     "Sensitive data should not be used in the ARG or ENV commands", "secrets-used-in-arg-or-env"},
    {kInvalidDefaultArgInFrom, "InvalidDefaultArgInFrom",
     "Default value for global ARG results in an empty or invalid base image name",
     "invalid-default-arg-in-from"},
    {kFromPlatformFlagConstDisallowed, "FromPlatformFlagConstDisallowed",
     "FROM --platform flag should not use a constant value", "from-platform-flag-const-disallowed"},
    {kCopyIgnoredFile, "CopyIgnoredFile",
     "Attempting to Copy file that is excluded by .dockerignore", "copy-ignored-file"},
    {kInvalidDefinitionDescription, "InvalidDefinitionDescription",
     "Comment for build stage or argument should follow the format: `# <arg/stage name> "
     "<description>`. If this is not intended to be a description comment, add an empty line or "
     "comment between the instruction and the comment.",
     "invalid-definition-description", true},
    {kExposeProtoCasing, "ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase",
     "expose-proto-casing"},
    {kExposeInvalidFormat, "ExposeInvalidFormat",
     "IP address and host-port mapping should not be used in EXPOSE instruction. This will become "
     "an error in a future release",
     "expose-invalid-format"},
}};

}  // namespace

std::string LintRuleInfo::url() const {
  if (slug.empty()) {
    return {};
  }
  return "https://docs.docker.com/go/dockerfile/rule/" + std::string(slug) + "/";
}

const LintRuleInfo& lint_rule_info(LintRule rule) {
  return kRules[static_cast<std::size_t>(rule)];
}

const std::array<LintRuleInfo, kLintRuleCount>& lint_rules() {
  return kRules;
}

}  // namespace slipway::parser
