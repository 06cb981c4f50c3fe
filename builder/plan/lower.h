#pragma once

// From one instruction to vertices, config and history (language reference, sections 6.2, 8, 10).
// One function per instruction; the planner calls lower() for each in file order.

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/session.h"
#include "builder/plan/step_names.h"
#include "parser/ast/instructions.h"
#include "parser/ast/mounts.h"

namespace slipway::builder {

// What lowering an instruction reads and changes. Everything is owned by the planner.
struct Lowering {
  PlanSession& session;
  const StageNode& node;
  // The nodes of the table; null for one that is not planned (yet).
  const std::vector<std::optional<NodeResult>>& results;
  StageState& state;
  StageOutline& outline;
  StepNames& names;
  bool ignore_cache = false;
  const StageCommand* command = nullptr;  // the one that is lowered
};

// The error is the message alone; the caller knows the lines.
using Lowered = std::expected<void, std::string>;

// Expands, checks and lowers the instruction of `command`.
Planned<void> lower(Lowering& lowering, const StageCommand& command);

// The parts of it. Each takes the instruction with its values expanded.
Lowered lower_arg(Lowering& lowering, const parser::Arg& arg, std::vector<std::string>& unmatched);
Lowered lower_run(Lowering& lowering, const parser::Run& run,
                  const std::vector<parser::Mount>& mounts);
std::expected<std::vector<ExecMount>, std::string> lower_mounts(
    Lowering& lowering, const parser::Run& run, const std::vector<parser::Mount>& mounts);
Lowered lower_add(Lowering& lowering, const parser::Add& add);
Lowered lower_copy(Lowering& lowering, const parser::Copy& copy);
Lowered lower_workdir(Lowering& lowering, const parser::Workdir& workdir);
// Instructions that only change the config.
Lowered lower_config(Lowering& lowering, const parser::Instruction& instruction);

// Tools of the above.

// The current directory as a step sees it: absolute and clean.
base::ImagePath current_directory(const StageState& state);
// Adds a history entry; `layer` is the vertex that makes its layer.
void commit(Lowering& lowering, std::string created_by,
            std::optional<VertexId> layer = std::nullopt);
// Adds the step on top of the stage's state, which it then is.
VertexId add_step(Lowering& lowering, VertexOp op, std::string name);
// The main context.
VertexId context_vertex(Lowering& lowering);
// The vertex that COPY --from and mounts read from a node: its files, or else its state.
std::optional<VertexId> source_vertex(const NodeResult& result);
// The words of a command: the shell and the text for the shell form, else the arguments.
Texts command_words(Lowering& lowering, const parser::CommandLine& command);

}  // namespace slipway::builder
