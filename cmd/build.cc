#include <unistd.h>

#include <algorithm>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/json.h"
#include "base/named_file.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/plan/describe.h"
#include "builder/sandbox/isolation.h"
#include "cmd/build_verb.h"
#include "cmd/foreground.h"
#include "cmd/progress/plain.h"
#include "cmd/progress/raw_json.h"
#include "cmd/progress/tty.h"
#include "cmd/report.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"
#include "parser/diagnostic.h"
#include "parser/lint/report.h"
#include "parser/outline.h"
#include "parser/source.h"

namespace slipway::cmd {

namespace {

using base::cat;

// A build's ID: short enough to be typed, long enough for all builds of a store.
constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kSvgBytesMax = std::size_t{256} << 20;

// buildx's names of what was built.
std::string metadata_of(const builder::BuildResult& result) {
  nlohmann::json metadata = nlohmann::json::object();
  if (result.images.size() == 1) {
    metadata["containerimage.config.digest"] = result.images.front().id.text();
    metadata["containerimage.digest"] = result.images.front().id.text();
  }
  if (result.root) {
    metadata["containerimage.digest"] = result.root->digest.text();
    metadata["containerimage.descriptor"] = {{"mediaType", result.root->media_type},
                                             {"digest", result.root->digest.text()},
                                             {"size", result.root->size}};
  }
  if (!result.names.empty()) {
    metadata["image.name"] = base::join(result.names, ",");
  }
  return metadata.dump(2) + "\n";
}

std::string warnings_text(const std::vector<parser::LintWarning>& warnings) {
  if (warnings.empty()) {
    return {};
  }
  std::string text = cat("\n ", warnings.size(), warnings.size() == 1 ? " warning" : " warnings",
                         " found ('slipway build --check' shows the lines):\n");
  for (const parser::LintWarning& warning : warnings) {
    text += cat(" - ", parser::short_text(warning), "\n");
  }
  return text;
}

// The last lines of what the step printed, an excerpt of the Dockerfile, then the message.
std::string failure_text(const builder::BuildFailure& failure, const std::string& tail) {
  std::string text = tail;
  // Whoever stopped the build does not ask which step that was.
  bool has_place = failure.error.kind() != base::ErrorKind::kCancelled;
  if (has_place && !failure.lines.empty()) {
    const builder::SourceLines& lines = failure.lines.back();
    text += parser::render_excerpt(failure.file, failure.dockerfile, {lines.first, lines.last});
  }
  std::string report = report_text(failure.error);
  constexpr std::string_view kPrefix = "ERROR: ";
  return text + cat(kPrefix, "failed to build: failed to solve: ", report.substr(kPrefix.size()));
}

// The registries of base images, as far as names are written out. The Hub's images are for
// everybody mostly: it counts where there is no other.
std::set<std::string> base_domains(const std::string& dockerfile) {
  parser::Dockerfile parsed = parser::parse(dockerfile).dockerfile;
  std::set<std::string> domains;
  for (const parser::Stage& stage : parsed.stages) {
    auto reference = registry::Reference::parse(stage.from.base);
    if (reference && stage.from.base != "scratch" && !parser::find_stage(parsed, stage.from.base)) {
      domains.insert(reference->domain());
    }
  }
  if (domains.size() > 1) {
    domains.erase("docker.io");
  }
  return domains;
}

// In bytes; -1 is no limit.
std::uint64_t step_bytes_max(const Environment& environment) {
  std::optional<std::string> text = environment.find(PlainProgress::kStepBytesVariable);
  if (!text || text->empty()) {
    return PlainProgress::kStepBytesMax;
  }
  if (*text == "-1") {
    return std::numeric_limits<std::uint64_t>::max();
  }
  std::optional<std::uint64_t> bytes = parse_size(*text);
  if (!bytes) {
    base::fail(base::ErrorKind::kUsage, cat("$", PlainProgress::kStepBytesVariable,
                                            " is no number of bytes: ", base::quote(*text)));
  }
  return *bytes;
}

std::unique_ptr<BuildProgress> make_progress(ProgressKind kind, const Environment& environment,
                                             const base::Clock& clock) {
  switch (kind) {
    case ProgressKind::kTty:
      return std::make_unique<TtyProgress>(
          STDERR_FILENO, environment.get("NO_COLOR").empty() ? Colours::kSome : Colours::kNone,
          clock);
    case ProgressKind::kPlain:
      return std::make_unique<PlainProgress>(STDERR_FILENO, clock, step_bytes_max(environment));
    case ProgressKind::kRawJson:
      return std::make_unique<RawJsonProgress>(STDERR_FILENO, clock);
    case ProgressKind::kQuiet:
      break;
  }
  return nullptr;
}

// Graphviz draws it; everything else is our own.
std::string svg_of(const std::string& dot, const Environment& environment, std::stop_token stop) {
  base::SpawnOptions options{.argv = {"dot", "-Tsvg"},
                             .environment = environment.as_list(),
                             .descriptors = {},
                             .working_directory = {}};
  base::Output output = base::run_program(options, dot, kSvgBytesMax, stop);
  if (!output.status.success()) {
    base::fail(base::ErrorKind::kSystem,
               cat("dot -Tsvg failed: ", output.status.text(), ": ", base::trim(output.err)),
               "the package graphviz has it");
  }
  return output.out;
}

}  // namespace

BuildVerb::BuildVerb(const Invocation& invocation, BuildFlags flags)
    : flags_(std::move(flags)),
      progress_kind_(progress_of(
          flags_, invocation.environment,
          ::isatty(STDERR_FILENO) == 1 ? StandardError::kTerminal : StandardError::kOther)),
      services_(invocation, {.isolation = isolation_of(flags_.steps.isolation),
                             .registries = flags_.registry.access()}),
      tails_(services_.clock()),
      scratch_(services_.store().scratch_directory("input-")),
      request_(request_of(flags_, invocation.environment)) {
  if (flags_.debug_on_failure && progress_kind_ == ProgressKind::kTty) {
    progress_kind_ = ProgressKind::kPlain;  // the shell shares the terminal with it
  }
  read_inputs(flags_, scratch_.path(), request_);
  builder::prepare_inputs(request_, build_services(), services_.stop());
  if (flags_.registry.has_credential()) {
    services_.add_credential(credential_domain(), flags_.registry.credential());
  }
}

// Whose credentials --creds are. A Dockerfile of somebody else's must not choose who gets them
// where something is pushed, and there must be no choice where nothing is.
std::string BuildVerb::credential_domain() const {
  std::set<std::string> domains;
  for (const registry::Repository& repository : push_repositories()) {
    domains.insert(repository.domain);
  }
  if (domains.empty()) {
    domains = base_domains(dockerfile());
  }
  if (domains.size() != 1) {
    base::fail(base::ErrorKind::kUsage,
               cat("--creds is for one registry, and the build uses ",
                   domains.empty() ? "none"
                                   : base::join(std::vector(domains.begin(), domains.end()), ", ")),
               "'slipway login' or --authfile can have credentials for each");
  }
  return *domains.begin();
}

builder::BuildServices BuildVerb::build_services() {
  builder::EventSink events = [](const builder::Event&) {};
  if (call_of(flags_).call == BuildCall::kBuild) {
    events = [this](const builder::Event& event) {
      tails_.note(event);
      if (progress_) {
        progress_->show(event);
      }
    };
  }
  return {&services_.store(),
          &services_.layers(),
          [this]() -> registry::Client& { return services_.client(); },
          [this]() -> builder::StepRunner& {
            std::call_once(isolation_told_, [this] { tell_isolation(); });
            return services_.sandbox();
          },
          &services_.clock(),
          std::move(events),
          STDOUT_FILENO,
          [this]() -> registry::Transport& { return services_.transport(); },
          services_.environment().as_list(),
          flags_.debug_on_failure ? [this](builder::SandboxSpec spec) { debug(std::move(spec)); }
                                  : std::function<void(builder::SandboxSpec)>(),
          [this](const std::string& name) { return services_.find_alias(name); },
          [this] { services_.end_sandbox(); }};
}

// When the first step runs; who builds without steps need not know.
void BuildVerb::tell_isolation() {
  if (progress_kind_ != ProgressKind::kPlain) {
    return;
  }
  const std::optional<builder::OciRuntime>& runtime = request_.exec.runtime;
  print_error(cat("sandbox: ", builder::describe_isolation(services_.user_namespace()),
                  runtime ? cat(", steps run by ", runtime->program) : "", "\n"));
}

// A shell in the place of the command, on our terminal.
void BuildVerb::debug(builder::SandboxSpec spec) {
  print_error(cat("\nThe step failed. A shell in its sandbox follows; the command was: ",
                  base::join(spec.argv, " "), "\nLeave it with 'exit'.\n"));
  spec.argv = shell_arguments();
  spec.environment.push_back(cat("TERM=", services_.environment().get("TERM", "xterm")));
  spec.terminal = find_terminal_size().value_or(builder::TerminalSize{});
  builder::Step step = services_.sandbox().begin(spec, {});
  base::Fd terminal = step.take_terminal();
  {
    RawMode raw(STDIN_FILENO);
    relay_terminal(terminal, TerminalInput::kStandardInput);
  }
  builder::StepResult result = step.wait(services_.stop());
  if (result.end == builder::StepEnd::kNotExecuted) {
    print_error(cat("no shell: ", result.message, "\n"));
  }
}

const std::string& BuildVerb::dockerfile() const {
  return request_.dockerfile_text.value();
}

std::set<registry::Repository> BuildVerb::push_repositories() const {
  std::set<registry::Repository> repositories;
  for (const builder::Output& output : request_.outputs) {
    if (!output.push && output.kind != builder::Output::Kind::kRegistry) {
      continue;
    }
    for (const registry::Reference& tag : request_.tags) {
      repositories.insert(registry::repository_of(tag));
    }
    for (const std::string& name : output.names) {
      if (auto reference = registry::Reference::parse(name)) {
        repositories.insert(registry::repository_of(*reference));
      }
    }
  }
  return repositories;
}

// A build of an hour should not end with a password that was missing at its start.
void BuildVerb::check_push_rights() {
  for (const registry::Repository& repository : push_repositories()) {
    services_.client().check_push(repository, services_.stop());
  }
}

int BuildVerb::build() {
  if (flags_.debug_on_failure && ::isatty(STDIN_FILENO) != 1) {
    base::fail(base::ErrorKind::kUsage, "--debug-on-failure needs a terminal as standard input");
  }
  // A build that fails must not leave the ID of an earlier one behind.
  if (!flags_.id_file.empty()) {
    base::remove_named_file(flags_.id_file);
  }
  check_push_rights();
  request_.id = base::random_hex(kIdBytes);
  progress_ = make_progress(progress_kind_, services_.environment(), services_.clock());
  auto result = builder::build(request_, build_services(), services_.stop());
  if (progress_) {
    progress_->finish(result ? result->warnings : result.error().warnings);
  }
  if (!result) {
    return report(result.error());
  }
  for (const std::string& name : result->unused_build_args) {
    print_error(cat("WARNING: build argument ", base::quote(name),
                    " was not consumed: no ARG declares it\n"));
  }
  return report(*result);
}

int BuildVerb::report(const builder::BuildFailure& failure) {
  std::string tail = failure.vertex ? tails_.text(*failure.vertex) : "";
  bool tells_warnings = progress_kind_ != ProgressKind::kRawJson;
  print_error(failure_text(failure, tail) +
              (tells_warnings ? warnings_text(failure.warnings) : ""));
  if (failure.is_kept && progress_kind_ != ProgressKind::kRawJson) {
    print_error(cat("\nTo look into it: slipway debug ", request_.id, "\n"));
  }
  return static_cast<int>(exit_code_of(failure.error.kind()));
}

int BuildVerb::report(const builder::BuildResult& result) {
  std::string id = result.images.size() == 1 ? result.images.front().id.text()
                   : result.root             ? result.root->digest.text()
                                             : result.images.front().id.text();
  if (!flags_.id_file.empty()) {
    base::write_named_file(flags_.id_file, id);
  }
  if (!flags_.metadata_file.empty()) {
    base::write_named_file(flags_.metadata_file, metadata_of(result));
  }
  if (flags_.quiet) {
    print_out(id + "\n");
  }
  if (progress_kind_ == ProgressKind::kQuiet || progress_kind_ == ProgressKind::kRawJson) {
    return 0;
  }
  std::string text = cat("\nbuilt ", id, "\n");
  for (const std::string& name : result.names) {
    text += cat("named ", name, "\n");
  }
  print_error(text + warnings_text(result.warnings));
  return 0;
}

int BuildVerb::at() {
  request_.id = base::random_hex(kIdBytes);
  progress_ = make_progress(progress_kind_, services_.environment(), services_.clock());
  int code = 0;
  auto enter = [&](builder::SandboxSpec spec) {
    if (progress_) {
      progress_->finish({});
    }
    set_variables(spec.environment, flags_.env, services_.environment());
    code = look_around(services_, std::move(spec), flags_.command,
                       "slipway run --at STEP PATH COMMAND");
  };
  auto visited =
      builder::visit_step(request_, build_services(), flags_.at, enter, services_.stop());
  if (visited) {
    return code;
  }
  if (progress_) {
    progress_->finish(visited.error().warnings);
  }
  report(visited.error());
  return kNotRunCode;
}

int BuildVerb::look(const CallKind& call) {
  request_.plan.all_stages = call.call == BuildCall::kCheck && request_.plan.target.empty();
  if (call.call == BuildCall::kTargets) {
    return look_at_targets(call);
  }
  builder::PlanOutcome plan = builder::plan_only(request_, build_services(), services_.stop());
  if (call.call == BuildCall::kCheck) {
    return check(plan, call);
  }
  if (!plan) {
    return report(builder::failure_of(plan.error(), dockerfile()));
  }
  print_out(call.json ? parser::outline_json(plan->outline, dockerfile())
                      : parser::outline_text(plan->outline));
  return 0;
}

int BuildVerb::look_at_targets(const CallKind& call) {
  parser::ParseResult parsed = parser::parse(dockerfile());
  if (!parsed.ok()) {
    print_error(
        parser::render_diagnostic(request_.dockerfile_name, dockerfile(), parsed.errors.front()));
    return static_cast<int>(ExitCode::kFailed);
  }
  std::vector<parser::Target> targets = parser::list_targets(parsed.dockerfile);
  print_out(call.json ? parser::targets_json(targets, dockerfile())
                      : parser::targets_text(targets));
  return 0;
}

int BuildVerb::check(const builder::PlanOutcome& plan, const CallKind& call) {
  parser::CheckReport found{request_.dockerfile_name, dockerfile(), {}, std::nullopt};
  if (plan) {
    found.warnings = plan->warnings;
  } else {
    found.warnings = plan.error().warnings;
    builder::SourceLines lines =
        plan.error().lines.empty() ? builder::SourceLines{} : plan.error().lines.back();
    found.error = parser::Diagnostic{plan.error().message, {lines.first, lines.last}};
  }
  print_out(call.json ? parser::check_report_json(found) : parser::check_report_text(found));
  return found.exit_status();
}
int BuildVerb::graph() {
  builder::PlanOutcome plan = builder::plan_only(request_, build_services(), services_.stop());
  if (!plan) {
    return report(builder::failure_of(plan.error(), dockerfile()));
  }
  if (flags_.format.empty() || flags_.format == "text") {
    print_out(builder::plan_text(*plan));
  } else if (flags_.format == "dot") {
    print_out(builder::plan_dot(*plan));
  } else if (flags_.format == "json") {
    print_out(builder::plan_json(*plan));
  } else {
    print_out(svg_of(builder::plan_dot(*plan), services_.environment(), services_.stop()));
  }
  return 0;
}

int run_build(const Invocation& invocation) {
  BuildFlags flags;
  if (!parse_build_flags(BuildFlagsOf::kBuild, invocation.arguments, flags)) {
    return 0;
  }
  // Wrong words are told before anything is opened.
  CallKind call = call_of(flags);
  BuildVerb verb(invocation, std::move(flags));
  return call.call == BuildCall::kBuild ? verb.build() : verb.look(call);
}

int run_graph(const Invocation& invocation) {
  BuildFlags flags;
  if (!parse_build_flags(BuildFlagsOf::kGraph, invocation.arguments, flags)) {
    return 0;
  }
  static const std::vector<std::string> kFormats = {"", "text", "dot", "json", "svg"};
  if (std::find(kFormats.begin(), kFormats.end(), flags.format) == kFormats.end()) {
    base::fail(base::ErrorKind::kUsage,
               cat("--format=", flags.format, ": use text, dot, json or svg"));
  }
  return BuildVerb(invocation, std::move(flags)).graph();
}

}  // namespace slipway::cmd
