#include "builder/plan/stages.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "builder/plan/platforms.h"
#include "parser/expand.h"
#include "parser/lint/checks.h"
#include "parser/suggest.h"

namespace slipway::builder {

namespace {

using base::cat;

// The suggestion for the first name that has one.
std::string suggestion_for_any(const std::vector<std::string>& names,
                               const std::vector<std::string>& options) {
  for (const std::string& name : names) {
    std::string suggestion = parser::did_you_mean(name, options);
    if (!suggestion.empty()) {
      return suggestion;
    }
  }
  return {};
}

// Expands the FROM lines one after another.
class FromReader {
 public:
  FromReader(const StageInputs& inputs, parser::Linter& linter, Budget& budget)
      : inputs_(inputs), linter_(linter), budget_(budget) {
    seen_.declared = inputs.global.declared_names;
    seen_.target_platform = platform_text(inputs.target_platform);
  }

  Planned<StageNode> read(const parser::Stage& stage) {
    const parser::From& from = stage.from;
    StageNode node{.from = &from, .name = from.name, .lines = source_lines(from.lines)};
    seen_.platform.reset();
    seen_.platform_os.clear();
    seen_.platform_architecture.clear();
    auto image = parser::expand(from.base, inputs_.global.values(), options());
    if (!image) {
      return failure(std::move(image.error()), node.lines);
    }
    budget_.spend(image->text.size());
    node.image = image->text;
    node.used_arguments = image->matched;
    seen_.base = *std::move(image);
    if (node.image.empty()) {
      parser::check_from(from, seen_, linter_);
      return failure(cat("base name (", from.base, ") should not be blank"), node.lines);
    }
    auto platform = read_platform(from, node);
    parser::check_from(from, seen_, linter_);
    if (!platform) {
      return std::unexpected(std::move(platform.error()));
    }
    if (auto problem = budget_.problem()) {
      return failure(std::move(*problem), node.lines);
    }
    return node;
  }

 private:
  parser::ExpandOptions options() const { return {.escape = inputs_.dockerfile.escape}; }

  Planned<void> read_platform(const parser::From& from, StageNode& node) {
    if (from.platform.empty()) {
      return {};
    }
    auto text = parser::expand(from.platform, inputs_.global.values(), options());
    if (!text) {
      return failure(
          cat("failed to process arguments for platform ", from.platform, ": ", text.error()),
          node.lines);
    }
    seen_.platform = *text;
    node.used_arguments.insert(node.used_arguments.end(), text->matched.begin(),
                               text->matched.end());
    auto suggestion = [&] {
      return suggestion_for_any(text->unmatched, inputs_.global.values().names());
    };
    if (text->text.empty()) {
      return failure(cat("empty platform value from expression ", from.platform, suggestion()),
                     node.lines);
    }
    auto platform = parse_from_platform(text->text);
    if (!platform) {
      return failure(
          cat("failed to parse platform ", from.platform, ": ", platform.error(), suggestion()),
          node.lines);
    }
    seen_.platform_os = platform->os;
    seen_.platform_architecture = platform->architecture;
    node.platform = *std::move(platform);
    return {};
  }

  const StageInputs& inputs_;
  parser::Linter& linter_;
  Budget& budget_;
  parser::FromExpansion seen_;  // kept, since its list of names may be long
};

std::size_t counted_steps(const StageNode& node, const parser::Stage& stage) {
  std::size_t count = node.image != "scratch" && !node.base ? 1 : 0;
  for (const parser::Instruction& instruction : stage.instructions) {
    count += is_counted(instruction) ? 1 : 0;
  }
  return count;
}

std::size_t add_image(StageTable& table, std::string_view image, SourceLines lines) {
  table.nodes.push_back({.image = std::string(image), .lines = lines});
  return table.nodes.size() - 1;
}

Planned<std::size_t> find_copy_source(const StageInputs& inputs, StageTable& table,
                                      const parser::Copy& copy) {
  SourceLines lines = source_lines(copy.lines);
  auto expanded = parser::expand(copy.from, Environment(), {.escape = inputs.dockerfile.escape});
  if (!expanded) {
    return failure(std::move(expanded.error()), lines);
  }
  if (expanded->text != copy.from) {
    return failure(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG "
        "from global scope as a workaround",
        lines);
  }
  std::string_view digits = copy.from;
  digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
  if (auto index = base::parse_integer<std::int64_t>(digits)) {
    if (*index < 0 || static_cast<std::uint64_t>(*index) >= table.stage_count) {
      return failure(cat("invalid stage index ", *index), lines);
    }
    return static_cast<std::size_t>(*index);
  }
  if (auto stage = table.find(copy.from)) {
    return *stage;
  }
  return add_image(table, copy.from, lines);
}

// Depth-first over COPY --from and mounts, with a list in place of recursion: a file may have
// thousands of stages.
class CycleSearch {
 public:
  explicit CycleSearch(const StageTable& table)
      : table_(table), marks_(table.nodes.size(), Mark::kNew) {}

  // The lines of the instruction that closes a cycle met from `root`.
  std::optional<SourceLines> search(std::size_t root) {
    if (marks_[root] != Mark::kNew) {
      return std::nullopt;
    }
    enter(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      const std::vector<StageCommand>& commands = table_.nodes[step.node].commands;
      if (step.command == commands.size()) {
        marks_[step.node] = Mark::kDone;
        path_.pop_back();
        continue;
      }
      const StageCommand& command = commands[step.command];
      if (step.source == command.sources.size()) {
        ++step.command;
        step.source = 0;
        continue;
      }
      std::optional<std::size_t> next = command.sources[step.source++];
      if (next && marks_[*next] == Mark::kOnPath) {
        return source_lines(parser::base_of(*command.instruction).lines);
      }
      if (next && marks_[*next] == Mark::kNew) {
        enter(*next);
      }
    }
    return std::nullopt;
  }

 private:
  enum class Mark { kNew, kOnPath, kDone };
  struct Step {
    std::size_t node = 0;
    std::size_t command = 0;
    std::size_t source = 0;
  };
  void enter(std::size_t node) {
    marks_[node] = Mark::kOnPath;
    path_.push_back({node});
  }

  const StageTable& table_;
  std::vector<Mark> marks_;
  std::vector<Step> path_;
};

Planned<void> refuse_cycles(const StageTable& table) {
  CycleSearch search(table);
  for (std::size_t i = 0; i < table.stage_count; ++i) {
    if (auto lines = search.search(i)) {
      return failure(cat("circular dependency detected on stage: ", table.nodes[i].label), *lines);
    }
  }
  return {};
}

}  // namespace

std::optional<std::size_t> StageTable::find(std::string_view name) const {
  auto found = by_name.find(base::to_lower_ascii(name));
  return found == by_name.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> StageTable::labels() const {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < stage_count; ++i) {
    if (!nodes[i].label.empty()) {
      labels.push_back(nodes[i].label);
    }
  }
  return labels;
}

bool is_counted(const parser::Instruction& instruction) {
  return std::holds_alternative<parser::Add>(instruction) ||
         std::holds_alternative<parser::Copy>(instruction) ||
         std::holds_alternative<parser::Run>(instruction) ||
         std::holds_alternative<parser::Workdir>(instruction);
}

const BuildContext* find_context(const PlanOptions& options, std::string_view name,
                                 const registry::Platform& platform, std::string& given_name) {
  if (options.contexts.empty() || base::equal_ignoring_case(name, "scratch") ||
      base::equal_ignoring_case(name, "context")) {
    return nullptr;
  }
  auto key = context_key(name);
  if (!key) {
    return nullptr;
  }
  std::string with_platform = cat(*key, "::", platform_text(registry::normalise(platform)));
  const BuildContext* found = nullptr;
  for (const auto& [given, context] : options.contexts) {
    auto given_key = context_key(given);
    if (given_key && (*given_key == with_platform || (!found && *given_key == *key))) {
      found = &context;
      given_name = given;
      if (*given_key == with_platform) {
        break;
      }
    }
  }
  return found;
}

Planned<StageTable> make_stages(const StageInputs& inputs, parser::Linter& linter, Budget& budget) {
  StageTable table;
  const std::vector<parser::Stage>& stages = inputs.dockerfile.stages;
  if (stages.size() > kPlanStagesMax) {
    return failure(cat("the dockerfile has ", stages.size(), " stages, more than the limit of ",
                       kPlanStagesMax));
  }
  table.stage_count = stages.size();
  table.nodes.reserve(stages.size());
  FromReader reader(inputs, linter, budget);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    auto node = reader.read(stages[i]);
    if (!node) {
      return std::unexpected(std::move(node.error()));
    }
    node->title = node->name.empty() ? cat("stage-", i) : node->name;
    node->label = node->title;
    if (!node->name.empty()) {
      node->context =
          find_context(inputs.options, node->name, node->platform.value_or(inputs.target_platform),
                       node->context_name);
    }
    // Only stages above are seen, and case counts here.
    auto base = table.by_name.find(node->image);
    if (base != table.by_name.end() && node->context == nullptr) {
      node->base = base->second;
    }
    node->step_count = node->context == nullptr ? counted_steps(*node, stages[i]) : 0;
    if (!node->name.empty()) {
      table.by_name.insert_or_assign(node->name, i);
    }
    table.nodes.push_back(*std::move(node));
  }
  return table;
}

Planned<std::size_t> find_target(const StageTable& table, const std::string& target) {
  if (target.empty()) {
    return table.stage_count - 1;
  }
  if (auto stage = table.find(target)) {
    return *stage;
  }
  PlanFailure problem;
  problem.message = cat("target stage ", base::quote(target), " could not be found",
                        parser::did_you_mean(target, table.labels()));
  problem.kind = base::ErrorKind::kUsage;
  return std::unexpected(std::move(problem));
}

Planned<StageCommand> link_command(const StageInputs& inputs, StageTable& table,
                                   const parser::Instruction& instruction) {
  StageCommand command{.instruction = &instruction};
  if (const auto* copy = std::get_if<parser::Copy>(&instruction); copy && !copy->from.empty()) {
    auto source = find_copy_source(inputs, table, *copy);
    if (!source) {
      return std::unexpected(std::move(source.error()));
    }
    command.sources.push_back(*source);
  }
  if (const auto* run = std::get_if<parser::Run>(&instruction)) {
    for (const std::string& mount : run->mounts) {
      auto from = parser::find_mount_from(mount);
      if (!from) {
        return failure(std::move(from.error()), source_lines(run->lines));
      }
      if (from->empty()) {
        command.sources.emplace_back();
      } else if (auto stage = table.find(*from)) {
        command.sources.emplace_back(*stage);
      } else {
        command.sources.emplace_back(add_image(table, *from, source_lines(run->lines)));
      }
    }
  }
  return command;
}

Planned<void> link_commands(const StageInputs& inputs, StageTable& table) {
  bool has_mounts = false;
  for (std::size_t i = 0; i < table.stage_count; ++i) {
    const std::vector<parser::Instruction>& instructions = inputs.dockerfile.stages[i].instructions;
    std::vector<StageCommand> commands;
    commands.reserve(instructions.size());
    for (const parser::Instruction& instruction : instructions) {
      auto command = link_command(inputs, table, instruction);
      if (!command) {
        return std::unexpected(std::move(command.error()));
      }
      const auto* run = std::get_if<parser::Run>(&instruction);
      has_mounts = has_mounts || (run != nullptr && !run->mounts.empty());
      commands.push_back(*std::move(command));
    }
    table.nodes[i].commands = std::move(commands);
  }
  if (auto acyclic = refuse_cycles(table); !acyclic) {
    return acyclic;
  }
  // The label of an only stage is left out of step names; the original counts every mount and every
  // image named directly as a stage here.
  if (table.nodes.size() == 1 && !has_mounts) {
    table.nodes[0].label.clear();
  }
  return {};
}

std::vector<bool> reachable_from(const StageTable& table, std::size_t target) {
  std::vector<bool> reached(table.nodes.size(), false);
  std::vector<std::size_t> waiting = {target};
  reached[target] = true;
  auto reach = [&](std::size_t node) {
    if (!reached[node]) {
      reached[node] = true;
      waiting.push_back(node);
    }
  };
  while (!waiting.empty()) {
    const StageNode& node = table.nodes[waiting.back()];
    waiting.pop_back();
    if (node.base) {
      reach(*node.base);
    }
    if (node.context != nullptr) {
      continue;  // its instructions are not carried out
    }
    for (const StageCommand& command : node.commands) {
      for (const std::optional<std::size_t>& source : command.sources) {
        if (source) {
          reach(*source);
        }
      }
    }
  }
  return reached;
}

}  // namespace slipway::builder
