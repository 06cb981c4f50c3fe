#pragma once

// The stages of a file and what depends on what, before anything is resolved (language reference
// 7.1 to 7.3).

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/global_scope.h"
#include "builder/plan/planned.h"
#include "parser/lint/linter.h"
#include "parser/parser.h"

namespace slipway::builder {

// An instruction of a stage with the nodes it reads: one for COPY (nothing: the build context), one
// for each --mount of RUN (nothing where the mount has no `from`).
struct StageCommand {
  const parser::Instruction* instruction = nullptr;  // owned by the file or by StageTable::triggers
  std::vector<std::optional<std::size_t>> sources;
  bool is_trigger = false;  // came with ONBUILD
};

// A stage of the file, or an image that COPY --from or a mount names directly.
struct StageNode {
  const parser::From* from = nullptr;  // null: such an image
  std::string image;                   // FROM's text expanded, or the name after --from
  std::string name;                    // lower case; empty: none
  std::string title;                   // the name, or "stage-<i>"; empty for such an image
  std::string label;  // the title in step names and messages: empty if it is left out
  SourceLines lines;  // of FROM, or of the instruction that names the image
  std::optional<registry::Platform> platform;  // of --platform
  std::optional<std::size_t> base;             // the stage that this one continues
  const BuildContext* context = nullptr;       // --build-context that takes the stage's place
  std::string context_name;
  std::vector<StageCommand> commands;
  std::vector<std::string> used_arguments;  // global arguments in its FROM
  std::size_t step_count = 0;               // the n of "[stage k/n]"
  bool triggers_taken = false;
};

struct StageTable {
  std::vector<StageNode> nodes;  // the file's stages in order, then images named directly
  std::size_t stage_count = 0;
  std::map<std::string, std::size_t, std::less<>> by_name;  // the last of a name
  std::deque<parser::Instruction> triggers;                 // what StageCommands point to

  // Case does not matter.
  std::optional<std::size_t> find(std::string_view name) const;
  // Of the stages, for suggestions.
  std::vector<std::string> labels() const;
};

// What the planner's parts need to know of one platform's plan before resolving.
struct StageInputs {
  const parser::Dockerfile& dockerfile;
  const PlanOptions& options;
  const GlobalScope& global;
  const registry::Platform& target_platform;
};

// Expands every FROM and links stages to those they continue.
Planned<StageTable> make_stages(const StageInputs& inputs, parser::Linter& linter, Budget& budget);

// The stage of --target, or the last one.
Planned<std::size_t> find_target(const StageTable& table, const std::string& target);

// Fills StageNode::commands of every stage, adds nodes for images that are named directly, and
// refuses cycles.
Planned<void> link_commands(const StageInputs& inputs, StageTable& table);

// Finds what one instruction reads. Used for triggers, which only come to light when their image is
// resolved.
Planned<StageCommand> link_command(const StageInputs& inputs, StageTable& table,
                                   const parser::Instruction& instruction);

// Does the instruction make a step that is counted in "[k/n]"?
bool is_counted(const parser::Instruction& instruction);

// For every node: does the target need it?
std::vector<bool> reachable_from(const StageTable& table, std::size_t target);

// The --build-context for an image or stage name on a platform; null where there is none. The name
// it was given under goes to `given_name`.
const BuildContext* find_context(const PlanOptions& options, std::string_view name,
                                 const registry::Platform& platform, std::string& given_name);

}  // namespace slipway::builder
