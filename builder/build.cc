#include "builder/build.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/guarded.h"
#include "base/text.h"
#include "builder/attestations.h"
#include "builder/context/context_view.h"
#include "builder/export/export.h"
#include "builder/image/assemble.h"
#include "builder/image/rework.h"
#include "builder/image/store_images.h"
#include "builder/inputs.h"
#include "builder/layer/archive_view.h"
#include "builder/ops/exec_step.h"
#include "builder/ops/layer_forms.h"
#include "builder/ops/remote.h"
#include "builder/ops/services.h"
#include "builder/plan/step_choice.h"
#include "builder/sandbox/cgroup.h"
#include "builder/solve/free_memory.h"
#include "builder/solve/solver.h"
#include "builder/solve/store_step_cache.h"
#include "cache/store.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kMainContext = "context";
// Threads that compress one layer or read files ahead, beside the thread that does the work.
constexpr unsigned kExtraThreads = 2;

// Failed steps that are kept: whoever comes back to one does so soon.
constexpr std::size_t kFailedStepsMax = 5;
constexpr std::uint64_t kFailedStepsBytesMax = std::uint64_t{4} << 30;

// Our group and those above it: each may have a limit.
std::vector<MemoryGroup> find_memory_groups() {
  std::vector<MemoryGroup> groups;
  for (const CgroupHierarchy& hierarchy : find_cgroups()) {
    if (!hierarchy.is_unified &&
        std::ranges::find(hierarchy.controllers, "memory") == hierarchy.controllers.end()) {
      continue;
    }
    std::string directory = hierarchy.own_group;
    while (directory.size() > hierarchy.mount_point.size()) {
      groups.push_back({directory, hierarchy.is_unified});
      directory.resize(directory.rfind('/'));
    }
    groups.push_back({hierarchy.mount_point, hierarchy.is_unified});
  }
  return groups;
}

// The local folders of a build, looked at only when something asks for their files.
class Contexts {
 public:
  Contexts(const BuildRequest& request, const BuildServices& services) : services_(services) {
    if (request.context.kind == ContextInput::Kind::kDirectory) {
      add(std::string(kMainContext), request.context.path, request.context.dockerfile_path);
    } else if (request.context.files) {
      views_[std::string(kMainContext)] = request.context.files;
    }
    for (const auto& [name, context] : request.plan.contexts) {
      if (context.kind == BuildContext::Kind::kLocal) {
        add(name, context.text, {});
      }
    }
  }

  const std::map<std::string, std::shared_ptr<TreeView>>& views() const { return views_; }

  // The patterns of the main context, for the checks; null without any.
  const parser::PatternMatcher* ignore() const { return main_ignore_ ? &*main_ignore_ : nullptr; }

  // What was learned of the files is there for the next build.
  void save() const {
    for (const std::shared_ptr<ContextView>& view : local_) {
      view->save();
    }
  }

 private:
  void add(const std::string& name, const std::string& directory, const std::string& dockerfile) {
    IgnoreRules rules = find_ignore_rules(directory, dockerfile);
    if (name == kMainContext) {
      main_ignore_ = rules.matcher;
    }
    ContextOptions options{directory, std::move(rules), services_.store->stat_cache(directory),
                           kExtraThreads};
    auto view = std::make_shared<ContextView>(std::move(options));
    local_.push_back(view);
    views_[name] = view;
  }

  const BuildServices& services_;
  std::map<std::string, std::shared_ptr<TreeView>> views_;
  std::vector<std::shared_ptr<ContextView>> local_;
  std::optional<parser::PatternMatcher> main_ignore_;
};

// A folder of the build on the store's file system, made when somebody first asks.
class SharedFolder {
 public:
  SharedFolder(cache::Store& store, std::string_view prefix) : store_(store), prefix_(prefix) {}
  std::string path() {
    auto folder = folder_.lock();
    if (!*folder) {
      folder->emplace(store_.scratch_directory(prefix_));
    }
    return (*folder)->path();
  }

 private:
  cache::Store& store_;
  std::string prefix_;
  base::Guarded<std::optional<base::TempDir>> folder_;
};

// Besides images, the times of remote sources (SOURCE_DATE_EPOCH=<stage>): they are fetched, as
// they will be again by the step.
class BuildResolver : public StoreResolver {
 public:
  BuildResolver(Parts parts, PullPolicy policy, registry::TransferObserver observer,
                std::function<void(const std::string&)> warn, const OpServices& services)
      : StoreResolver(std::move(parts), policy, std::move(observer), std::move(warn)),
        services_(services) {}

  std::optional<std::int64_t> source_time(const VertexOp& source, std::stop_token stop) override {
    if (const auto* git = std::get_if<SourceGit>(&source)) {
      return check_out(*git, services_, stop).committed.seconds;
    }
    const auto* http = std::get_if<SourceHttp>(&source);
    if (http == nullptr) {
      return std::nullopt;
    }
    Download found = download(*http, services_, stop);
    // An archive is as new as its newest member.
    auto archive = open_archive(*found.files, found.file,
                                services_.store->scratch_directory("archive-"), stop);
    return archive == nullptr ? found.file.mtime.seconds : newest(*archive);
  }

 private:
  static std::int64_t newest(const TreeView& files) {
    std::int64_t seconds = 0;
    walk(files, base::ImagePath(), [&](const Entry& entry) {
      seconds = std::max(seconds, entry.mtime.seconds);
      return Visit::kContinue;
    });
    return seconds;
  }

  const OpServices& services_;
};

// One build, told in the order in which it happens.
class Build {
 public:
  Build(const BuildRequest& request, const BuildServices& services, std::stop_token stop)
      : request_(request),
        services_(services),
        stop_(stop),
        started_(services.clock->now()),
        contexts_(request, services) {}

  PlanOutcome plan() { return plan(dockerfile_text()); }

  PlanOutcome plan(const std::string& text) {
    OpServices services = op_services();
    BuildResolver resolver(
        {services_.store, services_.layers, services_.client, services_.find_alias}, request_.pull,
        transfer_observer(), warner(), services);
    PlanOptions options = request_.plan;
    options.dockerfile_name = request_.dockerfile_name;
    options.ignore = contexts_.ignore();
    return make_plan(text, options, resolver, stop_);
  }

  std::expected<BuildResult, BuildFailure> run() {
    // 1. Text to graph; base images are only names and configs so far.
    PlanOutcome planned = plan();
    if (!planned) {
      return std::unexpected(builder::failure_of(planned.error(), dockerfile_text()));
    }
    // 2. Graph to layers; what the cache has is not made again.
    std::expected<SolveResults, StepFailure> solved = solve(planned->graph, targets_of(*planned));
    contexts_.save();
    if (!solved) {
      services_.store->flush();  // the steps that succeeded stay
      return std::unexpected(step_failure(*planned, std::move(solved.error())));
    }
    if (services_.steps_ended) {
      services_.steps_ended();
    }
    // 3. Layers to images.
    std::vector<AssembledImage> images;
    for (const Target& target : planned->graph.targets) {
      images.push_back(assemble(planned->graph, target, *solved));
      if (request_.squash) {
        images.back() = squash(images.back(), *services_.layers, stop_);
      }
    }
    // 4. What is said of them, if anybody asked.
    Attestations attestations =
        make_attestations(request_, services_, {planned->graph, *solved, images, started_}, stop_);
    // 5. Images to where they are wanted.
    BuildResult result = write_out(images, std::move(attestations));
    services_.store->flush();
    result.warnings = std::move(planned->warnings);
    result.unused_build_args = std::move(planned->unused_build_args);
    return result;
  }

  std::expected<void, BuildFailure> visit(std::string_view text, const StepVisitor& visitor) {
    PlanOutcome planned = plan();
    if (!planned) {
      return std::unexpected(builder::failure_of(planned.error(), dockerfile_text()));
    }
    std::vector<VertexId> ids;
    std::vector<StepLabel> labels = labels_of(planned->graph, ids);
    VertexId step = ids[get_step(labels, text, request_.dockerfile_name, "--at")];
    if (!std::holds_alternative<Exec>(planned->graph.vertex(step).op)) {
      const VertexMeta meta = planned->graph.vertex(step).meta;
      auto [with_run, run] = plan_run_before(meta);
      if (!run) {
        base::fail(base::ErrorKind::kUsage,
                   cat("no command can be run in the place of ", meta.name));
      }
      planned = std::move(with_run);
      step = *run;
    }
    const Vertex& vertex = planned->graph.vertex(step);
    std::expected<SolveResults, StepFailure> solved = solve(planned->graph, inputs_of(vertex));
    contexts_.save();
    if (!solved) {
      return std::unexpected(step_failure(*planned, std::move(solved.error())));
    }
    OpInputs inputs{&vertex, inputs_of(vertex), {}};
    for (VertexId id : inputs.ids) {
      inputs.results.push_back(&*(*solved)[index_of(id)]);
    }
    visit_step(inputs, op_services(), visitor, stop_);
    services_.store->flush();
    return {};
  }

 private:
  const std::string& dockerfile_text() const { return request_.dockerfile_text.value(); }

  static std::vector<VertexId> targets_of(const Plan& plan) {
    std::vector<VertexId> wanted;
    for (const Target& target : plan.graph.targets) {
      if (target.state) {
        wanted.push_back(*target.state);
      }
    }
    return wanted;
  }

  std::expected<SolveResults, StepFailure> solve(const Graph& graph,
                                                 const std::vector<VertexId>& wanted) {
    LayerForms forms(graph, blob_form());
    OpServices services = op_services();
    services.form_of = [&](const Vertex& vertex) { return forms.of(vertex); };
    StandardOps ops(std::move(services));
    StoreStepCache steps(*services_.store);
    FreeMemory memory(find_memory_groups, *services_.clock);
    Solver solver({&ops, &steps, services_.clock},
                  {request_.jobs, [&] { return !memory.is_low(); }}, services_.events);
    return solver.solve(graph, wanted, stop_);
  }

  OpServices op_services() {
    OpServices services = source_services(request_, services_);
    services.contexts = contexts_.views();
    services.stubs = [this] { return stubs_.path(); };
    if (services_.debug) {
      services.debug = [this](SandboxSpec spec) {
        std::scoped_lock one(debugging_);
        services_.debug(std::move(spec));
      };
    }
    if (!request_.id.empty() && !services_.debug) {
      services.keep_failed = [this](KeptStep step, cache::StagedTree& tree) {
        keep_failed(std::move(step), tree);
      };
    }
    return services;
  }

  void keep_failed(KeptStep step, cache::StagedTree& tree) {
    step.file = request_.dockerfile_name;
    cache::KeptRow row{.id = cache::KeptTable::make_id(),
                       .kind = cache::KeptKind::kFailedStep,
                       .name = request_.id,
                       .created = {},
                       .document = serialise(step),
                       .layers = layers_of(step)};
    cache::KeptTable& kept = services_.store->kept();
    if (kept.keep(tree, std::move(row), stop_)) {
      is_kept_ = true;
      kept.shrink(cache::KeptKind::kFailedStep,
                  {.count = kFailedStepsMax, .bytes = kFailedStepsBytesMax});
    }
  }

  static std::vector<StepLabel> labels_of(const Graph& graph, std::vector<VertexId>& ids) {
    std::vector<StepLabel> labels;
    for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
      const Vertex& vertex = graph.vertices[i];
      bool is_step = std::holds_alternative<Exec>(vertex.op) ||
                     std::holds_alternative<Copy>(vertex.op) ||
                     std::holds_alternative<MakeDir>(vertex.op);
      if (is_step) {
        labels.push_back({vertex.meta.name, vertex.meta.lines});
        ids.push_back(VertexId(i));
      }
    }
    return labels;
  }

  // The plan of a Dockerfile that has a RUN in front of this step, and that RUN.
  std::pair<PlanOutcome, std::optional<VertexId>> plan_run_before(const VertexMeta& step) {
    if (step.lines.size() != 1) {
      return {PlanOutcome(Plan{}), std::nullopt};  // a trigger of the base image
    }
    const int line = step.lines.front().first;
    std::string text = dockerfile_text();
    std::size_t place = 0;
    for (int i = 1; i < line; ++i) {
      place = text.find('\n', place) + 1;
    }
    PlanOutcome planned = plan(text.insert(place, "RUN [\"/bin/sh\"]\n"));
    for (std::size_t i = 0; planned && i < planned->graph.vertices.size(); ++i) {
      const Vertex& vertex = planned->graph.vertices[i];
      if (std::holds_alternative<Exec>(vertex.op) && vertex.meta.lines.size() == 1 &&
          vertex.meta.lines.front().first == line && vertex.meta.platform == step.platform) {
        return {std::move(planned), VertexId(i)};
      }
    }
    return {std::move(planned), std::nullopt};
  }

  // Compressed at once where an output will want the layers compressed anyway.
  std::optional<base::CompressOptions> blob_form() const {
    for (const Output& output : request_.outputs) {
      bool compresses = output.kind == Output::Kind::kOci || output.kind == Output::Kind::kDocker ||
                        output.kind == Output::Kind::kRegistry || output.push;
      if (compresses && output.compression != LayerCompression::kNone) {
        base::CompressOptions options;
        options.compression = output.compression == LayerCompression::kZstd
                                  ? base::Compression::kZstd
                                  : base::Compression::kGzip;
        options.level = output.compression_level;
        options.threads = kExtraThreads;
        return options;
      }
    }
    return std::nullopt;
  }

  BuildResult write_out(const std::vector<AssembledImage>& images, Attestations attestations) {
    BuildResult result;
    for (const AssembledImage& image : images) {
      result.images.push_back({image.config.platform, image.id});
    }
    ExportServices exporting{services_.store,
                             services_.layers,
                             services_.client,
                             transfer_observer(),
                             services_.standard_output,
                             kExtraThreads,
                             is_set(request_, "BUILDKIT_MULTI_PLATFORM"),
                             std::move(attestations),
                             request_.attest.form};
    for (const Output& output : request_.outputs) {
      Exported exported = export_images(output, images, request_.tags, exporting, stop_);
      for (std::size_t i = 0; i < images.size(); ++i) {
        result.images[i].id = exported.image_ids[i];
      }
      if (exported.root) {
        result.root = exported.root;
      }
      for (const registry::Reference& name : exported.names) {
        std::string text = name.with_default_tag().canonical();
        if (std::find(result.names.begin(), result.names.end(), text) == result.names.end()) {
          result.names.push_back(std::move(text));
        }
      }
    }
    return result;
  }

  registry::TransferObserver transfer_observer() const {
    return [events = services_.events](const registry::TransferEvent& event) {
      using Kind = registry::TransferEvent::Kind;
      if (event.kind == Kind::kWarning || event.kind == Kind::kRetrying) {
        events(Warned{event.text});
      } else if (event.kind == Kind::kBytes || event.kind == Kind::kDone) {
        events(Transferred{event.digest, event.current, event.total, event.kind == Kind::kDone});
      }
    };
  }

  std::function<void(const std::string&)> warner() const {
    return [events = services_.events](const std::string& text) { events(Warned{text}); };
  }

  BuildFailure step_failure(const Plan& plan, StepFailure failure) const {
    const VertexMeta& meta = plan.graph.vertex(failure.vertex).meta;
    return {std::move(failure.error),
            request_.dockerfile_name,
            dockerfile_text(),
            meta.lines,
            failure.vertex,
            is_kept_,
            plan.warnings};
  }

  const BuildRequest& request_;
  const BuildServices& services_;
  std::stop_token stop_;
  base::Timestamp started_;
  Contexts contexts_;
  SharedFolder stubs_{*services_.store, "stubs-"};
  std::mutex debugging_;
  std::atomic<bool> is_kept_ = false;
};

}  // namespace

BuildFailure failure_of(const PlanFailure& failure, std::string dockerfile) {
  base::Error error(failure.kind, failure.message);
  for (const std::string& note : failure.notes) {
    error.add_note(note);
  }
  if (!failure.hint.empty()) {
    error.set_hint(failure.hint);
  }
  return {std::move(error), failure.file, std::move(dockerfile), failure.lines,
          std::nullopt,     false,        failure.warnings};
}

PlanOutcome plan_only(const BuildRequest& request, const BuildServices& services,
                      std::stop_token stop) {
  return Build(request, services, std::move(stop)).plan();
}

std::expected<BuildResult, BuildFailure> build(const BuildRequest& request,
                                               const BuildServices& services,
                                               std::stop_token stop) {
  return Build(request, services, std::move(stop)).run();
}

std::expected<void, BuildFailure> visit_step(const BuildRequest& request,
                                             const BuildServices& services, std::string_view text,
                                             const StepVisitor& visitor, std::stop_token stop) {
  return Build(request, services, std::move(stop)).visit(text, visitor);
}

void visit_kept_step(const cache::KeptRow& row, const ExecSettings& settings,
                     const BuildServices& services, const StepVisitor& visitor,
                     std::stop_token stop) {
  KeptStep step = parse_kept_step(row.document);
  std::optional<std::string> tree = services.store->kept().hold(row.id);
  if (!tree) {
    base::fail(base::ErrorKind::kNotFound, cat("what ", step.name, " left was removed"),
               "build again");
  }
  BuildRequest request;
  request.exec = step.settings;
  request.exec.secrets = settings.secrets;
  request.exec.ssh_sockets = settings.ssh_sockets;
  request.exec.user_network = settings.user_network;
  visit_step(step, *tree, source_services(request, services), visitor, std::move(stop));
}

}  // namespace slipway::builder
