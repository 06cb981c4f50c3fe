#include "builder/plan/lower.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "parser/ast/expand_instruction.h"
#include "parser/expand.h"
#include "parser/quoting.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kHistoryComment = "buildkit.dockerfile.v0";
// The longest path the kernel takes; a user's name has no reason to be longer.
constexpr std::size_t kPathBytesMax = 4096;

// Declared by ARG but never seen by commands or expansion.
bool is_invisible(std::string_view name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

// An instruction with everything that section 5 expands.
struct Expanded {
  parser::Instruction instruction;
  std::vector<parser::Mount> mounts;  // of RUN
  std::vector<std::string> unmatched;
};

std::expected<std::vector<parser::Mount>, std::string> expand_mounts(
    const parser::Run& run, const Environment& variables, char escape,
    std::vector<std::string>& unmatched) {
  std::vector<parser::Mount> mounts;
  auto expand_value = [&](std::string_view value) -> std::expected<std::string, std::string> {
    auto expanded = parser::expand(value, variables, {.escape = escape});
    if (!expanded) {
      return std::unexpected(std::move(expanded.error()));
    }
    unmatched.insert(unmatched.end(), expanded->unmatched.begin(), expanded->unmatched.end());
    return std::move(expanded->text);
  };
  for (const std::string& flag : run.mounts) {
    auto mount = parser::evaluate_mount(flag, expand_value);
    if (!mount) {
      return std::unexpected(std::move(mount.error()));
    }
    mounts.push_back(*std::move(mount));
  }
  return mounts;
}

std::expected<Expanded, std::string> expand(const Lowering& lowering,
                                            const parser::Instruction& instruction) {
  char escape = lowering.session.dockerfile.escape;
  auto expanded = parser::expand_instruction(instruction, lowering.state.environment, escape);
  if (!expanded) {
    return std::unexpected(std::move(expanded.error()));
  }
  Expanded result{std::move(expanded->instruction), {}, std::move(expanded->unmatched)};
  if (const auto* run = std::get_if<parser::Run>(&result.instruction)) {
    auto mounts = expand_mounts(*run, lowering.state.environment, escape, result.unmatched);
    if (!mounts) {
      return std::unexpected(std::move(mounts.error()));
    }
    result.mounts = *std::move(mounts);
  }
  return result;
}

// What the expanded values of an instruction take, for the budget.
std::size_t size_of(const parser::Instruction& instruction) {
  auto sum = [](const auto& texts) {
    std::size_t size = 0;
    for (const std::string& text : texts) {
      size += text.size();
    }
    return size;
  };
  auto copy_size = [&](const parser::CopyArguments& copy) {
    std::size_t size = sum(copy.sources) + copy.destination.size();
    for (const parser::InlineFile& file : copy.files) {
      size += file.content.size();
    }
    return size;
  };
  auto pairs_size = [](const std::vector<parser::KeyValue>& pairs) {
    std::size_t size = 0;
    for (const parser::KeyValue& pair : pairs) {
      size += pair.key.size() + pair.value.size();
    }
    return size;
  };
  struct Sizes {
    decltype(sum)& texts;
    decltype(copy_size)& copy;
    decltype(pairs_size)& pairs;
    std::size_t operator()(const parser::Add& add) const { return copy(add.copy); }
    std::size_t operator()(const parser::Copy& one) const { return copy(one.copy); }
    std::size_t operator()(const parser::Env& env) const { return pairs(env.variables); }
    std::size_t operator()(const parser::Label& label) const { return pairs(label.labels); }
    std::size_t operator()(const parser::Expose& expose) const { return texts(expose.ports); }
    std::size_t operator()(const parser::Volume& volume) const { return texts(volume.volumes); }
    std::size_t operator()(const parser::Workdir& workdir) const { return workdir.path.size(); }
    std::size_t operator()(const parser::User& user) const { return user.user.size(); }
    std::size_t operator()(const parser::InstructionBase&) const { return 0; }
  };
  return std::visit(Sizes{sum, copy_size, pairs_size}, instruction);
}

void check_instruction(Lowering& lowering, const parser::Instruction& instruction,
                       std::vector<std::string> unmatched) {
  std::erase_if(unmatched, [&](const std::string& name) {
    return lowering.state.arguments.contains(name) || is_invisible(name);
  });
  parser::InstructionContext context;
  context.unmatched = unmatched;
  context.environment_names = [&] { return lowering.state.environment.names(); };
  const auto* copy = std::get_if<parser::Copy>(&instruction);
  context.ignore =
      copy == nullptr || copy->from.empty() ? lowering.session.options.ignore : nullptr;
  lowering.state.checks.check(instruction, context, lowering.session.linter);
}

Lowered lower_expanded(Lowering& lowering, const Expanded& expanded) {
  struct Lowerer {
    Lowering& lowering;
    const Expanded& expanded;
    Lowered operator()(const parser::Run& run) const {
      return lower_run(lowering, run, expanded.mounts);
    }
    Lowered operator()(const parser::Add& add) const { return lower_add(lowering, add); }
    Lowered operator()(const parser::Copy& copy) const { return lower_copy(lowering, copy); }
    Lowered operator()(const parser::Workdir& workdir) const {
      return lower_workdir(lowering, workdir);
    }
    Lowered operator()(const parser::InstructionBase&) const {
      return lower_config(lowering, expanded.instruction);
    }
  };
  return std::visit(Lowerer{lowering, expanded}, expanded.instruction);
}

Lowered lower_one(Lowering& lowering, const parser::Instruction& instruction) {
  if (const auto* arg = std::get_if<parser::Arg>(&instruction)) {
    // The defaults see each other, and a bad one may not be needed: no expansion before.
    std::vector<std::string> unmatched;
    Lowered lowered = lower_arg(lowering, *arg, unmatched);
    check_instruction(lowering, instruction, std::move(unmatched));
    return lowered;
  }
  auto expanded = expand(lowering, instruction);
  if (!expanded) {
    return std::unexpected(std::move(expanded.error()));
  }
  lowering.session.budget.spend(size_of(expanded->instruction));
  check_instruction(lowering, expanded->instruction, std::move(expanded->unmatched));
  return lower_expanded(lowering, *expanded);
}

// The value of one name of an ARG; where it comes from decides what an outline shows.
struct ArgumentValue {
  std::optional<std::string> value;
  bool is_global = false;  // only repeats a global argument
};

std::expected<ArgumentValue, std::string> argument_value(
    Lowering& lowering, const parser::Arg::Declaration& declaration,
    std::vector<std::string>& unmatched) {
  const PlanSession& session = lowering.session;
  auto given = session.options.build_args.find(declaration.name);
  if (given != session.options.build_args.end()) {
    return ArgumentValue{given->second};
  }
  if (!declaration.default_value) {
    auto global = session.global.values().find(declaration.name);
    return global ? ArgumentValue{std::string(*global), true} : ArgumentValue{};
  }
  auto expanded = parser::expand(*declaration.default_value, lowering.state.environment,
                                 {.escape = session.dockerfile.escape});
  if (!expanded) {
    return std::unexpected(std::move(expanded.error()));
  }
  unmatched.insert(unmatched.end(), expanded->unmatched.begin(), expanded->unmatched.end());
  return ArgumentValue{std::move(expanded->text)};
}

void note_in_outline(Lowering& lowering, const parser::Arg& arg,
                     const parser::Arg::Declaration& declaration, const ArgumentValue& value) {
  lowering.session.used_arguments.insert(declaration.name);
  lowering.outline.used_arguments.insert(declaration.name);
  if (!value.is_global) {
    lowering.outline.arguments.insert_or_assign(
        declaration.name, parser::Outline::Argument{declaration.name, declaration.description,
                                                    value.value, arg.lines});
  }
}

// A path as WORKDIR joins it: an absolute one stays as it is written.
std::string joined_directory(std::string_view current, std::string_view path) {
  if (path.starts_with('/')) {
    return std::string(path);
  }
  if (path.empty()) {
    return std::string(current);
  }
  return base::ImagePath::clean(current).join(path).text();
}

}  // namespace

Planned<void> lower(Lowering& lowering, const StageCommand& command) {
  lowering.command = &command;
  const parser::Instruction& instruction = *command.instruction;
  Lowered lowered = lower_one(lowering, instruction);
  std::optional<std::string> problem = lowering.session.budget.problem();
  if (lowered && !problem) {
    return {};
  }
  return failure(problem ? *std::move(problem) : std::move(lowered.error()),
                 source_lines(parser::base_of(instruction).lines));
}

base::ImagePath current_directory(const StageState& state) {
  return base::ImagePath::clean(text_of(state.image.working_dir));
}

void commit(Lowering& lowering, std::string created_by, std::optional<VertexId> layer) {
  lowering.session.budget.spend(created_by.size());
  registry::History entry;
  entry.created_by = std::move(created_by);
  entry.comment = kHistoryComment;
  entry.empty_layer = !layer;
  ImageDraft& image = lowering.state.image;
  image.last_history = lowering.session.history.add(image.last_history, {std::move(entry), layer});
}

VertexId add_step(Lowering& lowering, VertexOp op, std::string name) {
  lowering.session.budget.spend(name.size());
  Vertex vertex{.op = std::move(op), .base = lowering.state.state};
  vertex.meta.name = std::move(name);
  vertex.meta.lines = {source_lines(parser::base_of(*lowering.command->instruction).lines)};
  vertex.meta.stage = lowering.node.title;
  vertex.meta.platform = lowering.state.platform;
  vertex.meta.ignore_cache = lowering.ignore_cache;
  if (std::holds_alternative<Exec>(vertex.op)) {
    vertex.meta.proxy_environment = lowering.session.proxies;
  } else {
    vertex.meta.source_date_epoch = lowering.session.source_date_epoch;
  }
  VertexId id = lowering.session.vertices.add(std::move(vertex));
  lowering.state.state = id;
  lowering.state.files.reset();
  return id;
}

VertexId context_vertex(Lowering& lowering) {
  std::optional<VertexId>& context = lowering.session.context;
  if (!context) {
    Vertex vertex{.op = SourceContext{"context"}};
    vertex.meta.name = "[internal] load build context";
    context = lowering.session.vertices.add(std::move(vertex));
  }
  return *context;
}

std::optional<VertexId> source_vertex(const NodeResult& result) {
  return result.end.files ? result.end.files : result.end.state;
}

Texts command_words(Lowering& lowering, const parser::CommandLine& command) {
  if (!command.shell_form) {
    return command.arguments;
  }
  Texts words = shell_of(lowering.state.image);
  for (const std::string& word : words) {
    lowering.session.budget.spend(word.size());
  }
  words.push_back(base::join(command.arguments, " "));
  return words;
}

// Language reference 6.2.
Lowered lower_arg(Lowering& lowering, const parser::Arg& arg, std::vector<std::string>& unmatched) {
  std::string created_by = "ARG";
  for (const parser::Arg::Declaration& declaration : arg.declarations) {
    auto value = argument_value(lowering, declaration, unmatched);
    if (!value) {
      return std::unexpected(std::move(value.error()));
    }
    const std::string& name = declaration.name;
    if (value->value && !is_invisible(name)) {
      lowering.session.budget.spend(value->value->size());
      lowering.state.environment.set(name, *value->value);
    }
    note_in_outline(lowering, arg, declaration, *value);
    lowering.state.arguments.set_in_place(name, value->value.value_or(""));
    created_by += cat(" ", name, value->value ? "=" : "", value->value.value_or(""));
  }
  commit(lowering, std::move(created_by));
  return {};
}

Lowered lower_workdir(Lowering& lowering, const parser::Workdir& workdir) {
  ImageDraft& image = lowering.state.image;
  std::string_view current = text_of(image.working_dir);
  std::string path = joined_directory(current.empty() ? "/" : current, workdir.path);
  if (path.size() >= kPathBytesMax) {
    return std::unexpected(
        cat("the working directory's path has ", path.size(), " bytes, more than a path can have"));
  }
  image.working_dir = std::make_shared<const std::string>(path);
  std::optional<VertexId> layer;
  if (path != "/") {
    std::string text = step_text(workdir.text, lowering.state.environment,
                                 lowering.session.dockerfile.escape, NameStyle::kWords);
    layer = add_step(
        lowering, MakeDir{base::ImagePath::clean(path).text(), std::string(text_of(image.user))},
        lowering.names.next(text, lowering.state.environment, lowering.command->is_trigger));
  }
  commit(lowering, cat("WORKDIR ", path), layer);
  return {};
}

}  // namespace slipway::builder
