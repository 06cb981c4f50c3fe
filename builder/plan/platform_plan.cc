#include "builder/plan/platform_plan.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"
#include "builder/plan/lower.h"
#include "builder/plan/outline_of.h"
#include "builder/plan/platforms.h"
#include "builder/plan/resolve.h"
#include "parser/lint/checks.h"
#include "parser/parser.h"

namespace slipway::builder {

namespace {

using base::cat;

// ONBUILD triggers of the stages that are needed, in the order they are met.
std::vector<std::string> triggers_of(const StageTable& table, const StageNode& node,
                                     const std::optional<NodeOrigin>& origin) {
  std::vector<std::string> triggers;
  if (node.from == nullptr || node.context != nullptr) {
    return triggers;  // an image that is only copied from, or files in place of a stage
  }
  if (origin && origin->image) {
    triggers = origin->image->config.config.on_build;
  }
  if (node.base && table.nodes[*node.base].context == nullptr) {
    for (const StageCommand& command : table.nodes[*node.base].commands) {
      if (const auto* onbuild = std::get_if<parser::Onbuild>(command.instruction)) {
        triggers.push_back(onbuild->trigger);
      }
    }
  }
  return triggers;
}

class PlatformPlanner {
 public:
  PlatformPlanner(PlanSession& session, ImageResolver& resolver, std::stop_token stop)
      : session_(session),
        inputs_{session.dockerfile, session.options, session.global, session.target_platform},
        resolver_(inputs_, session.implicit_target, resolver, std::move(stop)) {}

  Planned<PlatformPlan> plan() {
    auto table = make_stages(inputs_, session_.linter, session_.budget);
    if (!table) {
      return std::unexpected(std::move(table.error()));
    }
    table_ = *std::move(table);
    auto target = find_target(table_, session_.options.target);
    if (!target) {
      return std::unexpected(std::move(target.error()));
    }
    target_ = *target;
    for (auto pass :
         {&PlatformPlanner::link, &PlatformPlanner::resolve, &PlatformPlanner::lower_stages}) {
      if (auto done = (this->*pass)(); !done) {
        return std::unexpected(std::move(done.error()));
      }
    }
    return finish();
  }

 private:
  Planned<void> link() { return link_commands(inputs_, table_); }

  // Triggers may name further images and stages, which may have triggers: until nothing is new.
  Planned<void> resolve() {
    for (int round = 0; round < kPlanTriggerRoundsMax; ++round) {
      needed_ = reachable_from(table_, target_);
      if (session_.options.all_stages) {
        needed_.assign(table_.nodes.size(), true);
      }
      if (auto done = resolver_.resolve(table_, needed_, origins_, session_.linter); !done) {
        return done;
      }
      auto is_new = take_triggers();
      if (!is_new) {
        return std::unexpected(std::move(is_new.error()));
      }
      if (!*is_new) {
        return {};
      }
    }
    return failure(cat("more than ", kPlanTriggerRoundsMax,
                       " rounds of ONBUILD triggers that name images with triggers"));
  }

  // Puts triggers in front of the instructions of the stages they are for. True if one of them
  // reads a stage or an image.
  Planned<bool> take_triggers() {
    bool has_new_sources = false;
    for (std::size_t i = 0; i < table_.stage_count; ++i) {
      if (!needed_[i] || table_.nodes[i].triggers_taken) {
        continue;
      }
      table_.nodes[i].triggers_taken = true;
      std::vector<StageCommand> commands;
      for (const std::string& trigger : triggers_of(table_, table_.nodes[i], origins_[i])) {
        auto command = read_trigger(trigger, table_.nodes[i].lines);
        if (!command) {
          return std::unexpected(std::move(command.error()));
        }
        has_new_sources = has_new_sources || !command->sources.empty();
        commands.push_back(*std::move(command));
      }
      StageNode& node = table_.nodes[i];
      node.step_count += commands.size();
      node.commands.insert(node.commands.begin(), std::make_move_iterator(commands.begin()),
                           std::make_move_iterator(commands.end()));
    }
    return has_new_sources;
  }

  Planned<StageCommand> read_trigger(const std::string& trigger, SourceLines lines) {
    auto instruction = parser::parse_trigger(trigger, {lines.first, lines.last});
    if (!instruction) {
      return failure(std::move(instruction.error().message), lines);
    }
    table_.triggers.push_back(*std::move(instruction));
    auto command = link_command(inputs_, table_, table_.triggers.back());
    if (command) {
      command->is_trigger = true;
    }
    return command;
  }

  Planned<void> lower_stages() {
    results_.resize(table_.nodes.size());
    names_.reserve(table_.nodes.size());
    for (const StageNode& node : table_.nodes) {
      names_.emplace_back(node.label, node.step_count);
    }
    // All images first, those of stages before those named directly: an image that both use has
    // the name of the stage's step.
    starts_.resize(table_.nodes.size());
    continued_.resize(table_.nodes.size());
    for (std::size_t i = 0; i < table_.nodes.size(); ++i) {
      const StageNode& node = table_.nodes[i];
      if (needed_[i] && !node.base) {
        starts_[i] = start_of(i);
        if (node.from == nullptr || node.context != nullptr) {
          results_[i] = NodeResult{starts_[i], {}};
        }
      }
    }
    for (std::size_t i = 0; i < table_.stage_count; ++i) {
      if (needed_[i] && !results_[i]) {
        if (auto done = lower_stage(i); !done) {
          return done;
        }
      }
    }
    return {};
  }

  Planned<void> lower_stage(std::size_t index) {
    const StageNode& node = table_.nodes[index];
    NodeResult result;
    if (node.base) {
      result.end = continued_from(*node.base, node);
    } else {
      result.end = std::move(starts_[index]);
      start_stage(result.end, node);
    }
    if (session_.show_platform) {
      names_[index].show_platform(result.end.platform);
    }
    Lowering lowering{.session = session_,
                      .node = node,
                      .results = results_,
                      .state = result.end,
                      .outline = result.outline,
                      .names = names_[index],
                      .ignore_cache = ignores_cache(node)};
    for (const StageCommand& command : node.commands) {
      if (auto done = lower(lowering, command); !done) {
        return done;
      }
    }
    results_[index] = std::move(result);
    return {};
  }

  bool ignores_cache(const StageNode& node) const {
    const PlanOptions& options = session_.options;
    auto is_this = [&](const std::string& name) {
      return base::equal_ignoring_case(name, node.name);
    };
    return options.no_cache ||
           (!node.name.empty() &&
            std::any_of(options.no_cache_filter.begin(), options.no_cache_filter.end(), is_this));
  }

  // A node on an image, on files, or on nothing.
  StageState start_of(std::size_t index) {
    const NodeOrigin& origin = *origins_[index];
    StageState state;
    state.platform = origin.platform;
    state.image = empty_draft(origin.platform);
    if (origin.kind == NodeOrigin::Kind::kImage) {
      state.image = draft_of_image(*origin.image);
      state.checks =
          parser::StageChecks(state.image.shell ? parser::StageChecks::BaseShell::kPresent
                                                : parser::StageChecks::BaseShell::kAbsent);
      add_image(index, *origin.image, state);
    } else if (origin.kind == NodeOrigin::Kind::kFiles) {
      Vertex vertex{.op = *origin.files};
      vertex.meta.name = origin.files_name;
      vertex.meta.ignore_cache = session_.options.no_cache;
      state.files = session_.vertices.add(std::move(vertex));
    }
    return state;
  }

  // Many stages may be built on one image, and a registry may send a config of megabytes.
  const ImageDraft& draft_of_image(const ResolvedImage& image) {
    auto [found, is_new] = drafts_.try_emplace(&image);
    if (is_new) {
      found->second = draft_of(image.config);
    }
    return found->second;
  }

  void add_image(std::size_t index, const ResolvedImage& image, StageState& state) {
    const StageNode& node = table_.nodes[index];
    std::string reference = image.reference.canonical();
    if (image.manifest_digest && !image.reference.digest()) {
      reference += cat("@", image.manifest_digest->text());
    }
    if (session_.show_platform) {
      names_[index].show_platform(state.platform);
    }
    // Its number is taken even if the image has no layers and there is nothing to do.
    std::string name = names_[index].next(cat("FROM ", reference), {}, false);
    if (image.layers.empty()) {
      return;
    }
    auto [found, is_new] = image_vertices_.try_emplace(&image);
    if (is_new) {
      Vertex vertex{.op = SourceImage{origins_[index]->image}};
      vertex.meta.name = std::move(name);
      vertex.meta.lines = {node.lines};
      vertex.meta.stage = node.title;
      vertex.meta.platform = state.platform;
      found->second = session_.vertices.add(std::move(vertex));
    }
    state.state = found->second;
  }

  // A stage on a context's files starts with a layer that holds them.
  void ensure_state(StageState& state, const StageNode& node) {
    if (!state.files || state.state) {
      return;
    }
    CopySource source{.from = state.files, .pattern = "/"};
    Vertex vertex{.op = Copy{.sources = {std::move(source)}, .destination = "/"}};
    vertex.meta.name = cat("[", node.label.empty() ? "context" : node.label, "] ",
                           session_.vertices.vertex(*state.files).meta.name);
    vertex.meta.lines = {node.lines};
    vertex.meta.stage = node.title;
    vertex.meta.platform = state.platform;
    vertex.meta.source_date_epoch = session_.source_date_epoch;
    state.state = session_.vertices.add(std::move(vertex));
  }

  // Made once for all stages that continue the same one.
  const StageState& continued_from(std::size_t base, const StageNode& node) {
    std::optional<StageState>& next = continued_[base];
    if (!next) {
      next = results_[base]->end;
      next->checks = next->checks.continued();
      next->has_cmd = false;
      next->image.on_build.clear();
      start_stage(*next, node);
    }
    return *next;
  }

  // The config's variables are set (again): an ENV wins over an ARG of the base stage.
  void start_stage(StageState& state, const StageNode& node) {
    ensure_state(state, node);
    if (state.platform.os == "windows" || !state.image.platform.os.empty()) {
      ensure_path(state.image);
    }
    state.environment = state.environment.continued(state.image.env);
    std::string_view directory = text_of(state.image.working_dir);
    if (!directory.empty() && !directory.starts_with('/')) {
      state.image.working_dir =
          std::make_shared<const std::string>(base::ImagePath::clean(directory).text());
    }
  }

  Planned<PlatformPlan> finish() {
    NodeResult& result = *results_[target_];
    const StageNode& node = table_.nodes[target_];
    ensure_state(result.end, node);
    if (session_.history.size_of(result.end.image.last_history) > kPlanHistoryBytesMax) {
      return failure(cat("the image's history has more than ", kPlanHistoryBytesMax >> 20,
                         " MiB: no client would read its config"));
    }
    PlatformPlan plan;
    plan.target = target_of(result.end, node);
    plan.outline = outline_of(session_, table_, results_, target_);
    plan.used_arguments = session_.used_arguments;
    for (const auto& [name, info] : session_.global.arguments.infos) {
      plan.used_arguments.insert(name);
    }
    for (std::size_t i = 0; i < table_.stage_count; ++i) {
      const StageNode& stage = table_.nodes[i];
      plan.stages.push_back({.name = stage.title,
                             .base = stage.from->base,
                             .lines = stage.lines,
                             .named = !stage.name.empty(),
                             .needed = needed_[i]});
    }
    return plan;
  }

  Target target_of(const StageState& end, const StageNode& node) const {
    Target target{.stage = node.name, .state = end.state, .config = config_of(end.image)};
    for (const auto& [name, value] : session_.options.labels) {
      target.config.config.labels.insert_or_assign(name, value);
    }
    registry::Platform& platform = target.config.platform;
    if (!session_.implicit_target) {
      const registry::Platform& wanted = session_.target_platform;
      bool is_other = wanted.os != platform.os || wanted.architecture != platform.architecture;
      platform.os = wanted.os;
      platform.architecture = wanted.architecture;
      if (!wanted.variant.empty() || is_other) {
        platform.variant = wanted.variant;
      }
      if (!wanted.os_version.empty() || is_other) {
        platform.os_version = wanted.os_version;
      }
      if (!wanted.os_features.empty()) {
        platform.os_features = wanted.os_features;
      }
    }
    platform = registry::normalise(std::move(platform));
    target.platform = platform;
    if (end.image.base_history) {
      target.base_history = *end.image.base_history;
    }
    target.history = session_.history.chain(end.image.last_history);
    target.source_date_epoch = session_.source_date_epoch;
    return target;
  }

  PlanSession& session_;
  StageInputs inputs_;
  OriginResolver resolver_;
  StageTable table_;
  std::size_t target_ = 0;
  std::vector<bool> needed_;
  std::vector<std::optional<NodeOrigin>> origins_;
  std::vector<StageState> starts_;                    // of nodes without a base stage
  std::vector<std::optional<StageState>> continued_;  // what a stage is for those that continue it
  std::vector<std::optional<NodeResult>> results_;
  std::vector<StepNames> names_;
  std::map<const ResolvedImage*, ImageDraft> drafts_;  // the images are kept by origins_
  std::map<const ResolvedImage*, VertexId> image_vertices_;
};

}  // namespace

Planned<PlatformPlan> plan_platform(PlanSession& session, ImageResolver& resolver,
                                    std::stop_token stop) {
  return PlatformPlanner(session, resolver, std::move(stop)).plan();
}

}  // namespace slipway::builder
