#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/expand.h"
#include "parser/ignore.h"
#include "parser/lint/linter.h"
#include "parser/parser.h"
#include "parser/ports.h"
#include "parser/variables.h"

// The checks, grouped by when a build can make them. In order:
//
//   check_file          once, right after parse()                     (needs the text only)
//   check_default_bases once, with the predefined global arguments
//   check_from          for every stage, when its FROM was expanded
//   StageChecks         for every instruction of a stage that is built (or of all stages in a
//                       check without a target), with expanded values
//   check_pulled_platform  where a base image's config is known

namespace slipway::parser {

// StageNameCasing, FromAsCasing, MaintainerDeprecated, InvalidDefinitionDescription up to the
// first error; NoEmptyContinuation; and in a file without errors DuplicateStageName,
// ReservedStageName, ConsistentInstructionCasing.
void check_file(const ParseResult& result, Linter& linter);

// InvalidDefaultArgInFrom: would each base name be a valid reference if no build argument were
// given? `predefined` are the platform arguments and TARGETSTAGE; `is_reference` says whether a
// text is a valid image reference (scratch and stage names are).
void check_default_bases(const Dockerfile& dockerfile, const VariableList& predefined,
                         const std::function<bool(std::string_view)>& is_reference, Linter& linter);

// What expanding one FROM gave.
struct FromExpansion {
  Expansion base;
  std::optional<Expansion> platform;  // of --platform, where it was given
  std::vector<std::string> declared;  // names of global arguments, predefined ones too; sorted
  std::string target_platform;        // the value of TARGETPLATFORM
  // Operating system and architecture of the expanded --platform; empty where it can't be parsed.
  std::string platform_os;
  std::string platform_architecture;
};

// UndefinedArgInFrom, RedundantTargetPlatform, FromPlatformFlagConstDisallowed.
void check_from(const From& from, const FromExpansion& expansion, Linter& linter);

// What the caller knows at one instruction of a stage.
struct InstructionContext {
  // Unset names from expand_instruction (or the expansion of ARG defaults).
  std::span<const std::string> unmatched;
  // Names declared by ARG so far in this chain of stages, with or without a value.
  std::span<const std::string> declared_arguments;
  // Names that have a value: what a misspelt name is compared with. Asked for only when needed.
  std::function<std::vector<std::string>()> environment_names;
  // The patterns of the main context's ignore file; null where there is none, or where COPY
  // --from means that sources are elsewhere.
  const PatternMatcher* ignore = nullptr;
};

// The checks of one stage. A stage that continues another starts from what `continued()` gives
// for that one.
class StageChecks {
 public:
  // Has the config of the base image a Shell? Scratch and an unknown image have none.
  enum class BaseShell { kAbsent, kPresent };
  explicit StageChecks(BaseShell base_shell = BaseShell::kAbsent)
      : shell_set_(base_shell == BaseShell::kPresent) {}

  // The checks of a stage that says FROM this one.
  StageChecks continued() const;

  // UndefinedVar, JSONArgsRecommended, WorkdirRelativePath, MultipleInstructionsDisallowed,
  // LegacyKeyValueFormat, SecretsUsedInArgOrEnv, CopyIgnoredFile, ExposeProtoCasing,
  // ExposeInvalidFormat. `expanded` is the instruction with its values expanded.
  void check(const Instruction& expanded, const InstructionContext& context, Linter& linter);

 private:
  friend struct StageCheckVisitor;
  bool shell_set_ = false;
  bool workdir_set_ = false;
  std::optional<LineSpan> cmd_;
  std::optional<LineSpan> entrypoint_;
  std::optional<LineSpan> healthcheck_;
};

// InvalidBaseImagePlatform: `actual` and `expected` are formatted "os/arch[/variant]"; call it
// where they differ in operating system or architecture.
void check_pulled_platform(const From& from, std::string_view image, std::string_view actual,
                           std::string_view expected, Linter& linter);

}  // namespace slipway::parser
