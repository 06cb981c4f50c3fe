#include "builder/build.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cmd/build_flags.h"
#include "cmd/progress/plain.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "parser/diagnostic.h"
#include "parser/lint/report.h"
#include "parser/outline.h"
#include "parser/source.h"

namespace slipway::cmd {

namespace {

using base::cat;

void write_file(const std::string& path, const std::string& content) {
  std::size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  base::write_file_atomically(base::open_directory(folder), path.substr(slash + 1), content);
}

// buildx's names of what was built.
std::string metadata_of(const builder::BuildResult& result) {
  nlohmann::json metadata = nlohmann::json::object();
  if (result.images.size() == 1) {
    const builder::BuiltImage& image = result.images.front();
    metadata["containerimage.config.digest"] = image.id.text();
    metadata["containerimage.digest"] = image.manifest_digest.value_or(image.id).text();
  } else if (result.index_digest) {
    metadata["containerimage.digest"] = result.index_digest->text();
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

// Excerpt of the Dockerfile, the last lines of what the step printed, then the message.
std::string failure_text(const builder::BuildFailure& failure, const std::string& dockerfile,
                         const std::string& tail) {
  std::string text;
  if (!tail.empty()) {
    text += cat("------\n > last output of the failed step:\n", tail, "\n------\n");
  }
  if (!failure.lines.empty()) {
    const builder::SourceLines& lines = failure.lines.back();
    text += parser::render_excerpt(failure.file, dockerfile, {lines.first, lines.last});
  }
  std::string report = report_text(failure.error);
  constexpr std::string_view kPrefix = "ERROR: ";
  return text + cat(kPrefix, "failed to build: failed to solve: ", report.substr(kPrefix.size()));
}

class BuildVerb {
 public:
  BuildVerb(const Invocation& invocation, BuildFlags flags)
      : flags_(std::move(flags)), services_(invocation), plain_(STDERR_FILENO, services_.clock()) {
    request_ = request_of(flags_, invocation.environment);
  }

  int run() {
    base::TempDir scratch = services_.store().scratch_directory("input-");
    read_inputs(flags_, scratch.path(), request_);
    CallKind call = call_of(flags_);
    return call.call == BuildCall::kBuild ? build() : look(call);
  }

 private:
  builder::BuildServices build_services() {
    builder::EventSink events = [](const builder::Event&) {};
    if (progress_of(flags_) == ProgressKind::kPlain && call_of(flags_).call == BuildCall::kBuild) {
      events = [this](const builder::Event& event) { plain_.show(event); };
    }
    return {&services_.store(),
            &services_.layers(),
            [this]() -> registry::Client& { return services_.client(); },
            [this]() -> builder::StepRunner& { return services_.sandbox(); },
            &services_.clock(),
            std::move(events),
            STDOUT_FILENO};
  }

  const std::string& dockerfile() const {
    static const std::string kInContext;
    return request_.dockerfile_text ? *request_.dockerfile_text : kInContext;
  }

  int build() {
    auto result = builder::build(request_, build_services(), services_.stop());
    if (!result) {
      return report(result.error());
    }
    for (const std::string& name : result->unused_build_args) {
      print_error(cat("WARNING: build argument ", base::quote(name),
                      " was not consumed: no ARG declares it\n"));
    }
    return report(*result);
  }

  int report(const builder::BuildFailure& failure) {
    std::string tail = failure.vertex && progress_of(flags_) == ProgressKind::kPlain
                           ? plain_.tail(*failure.vertex)
                           : "";
    print_error(failure_text(failure, dockerfile(), tail) + warnings_text(failure.warnings));
    return static_cast<int>(exit_code_of(failure.error.kind()));
  }

  int report(const builder::BuildResult& result) {
    std::string id = result.images.size() == 1
                         ? result.images.front().id.text()
                         : result.index_digest.value_or(result.images.front().id).text();
    if (!flags_.id_file.empty()) {
      write_file(flags_.id_file, id);
    }
    if (!flags_.metadata_file.empty()) {
      write_file(flags_.metadata_file, metadata_of(result));
    }
    if (progress_of(flags_) == ProgressKind::kQuiet) {
      if (flags_.quiet) {
        print_out(id + "\n");
      }
      return 0;
    }
    std::string text = cat("\nbuilt ", id, "\n");
    for (const std::string& name : result.names) {
      text += cat("named ", name, "\n");
    }
    print_error(text + warnings_text(result.warnings));
    return 0;
  }

  // --call: plans, and shows what the plan says.
  int look(const CallKind& call) {
    request_.plan.all_stages = call.call == BuildCall::kCheck && request_.plan.target.empty();
    if (call.call == BuildCall::kTargets) {
      return look_at_targets(call);
    }
    builder::PlanOutcome plan = builder::plan_only(request_, build_services(), services_.stop());
    if (call.call == BuildCall::kCheck) {
      return check(plan, call);
    }
    if (!plan) {
      return report(builder::failure_of(plan.error()));
    }
    print_out(call.json ? parser::outline_json(plan->outline, dockerfile())
                        : parser::outline_text(plan->outline));
    return 0;
  }

  int look_at_targets(const CallKind& call) {
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

  int check(const builder::PlanOutcome& plan, const CallKind& call) {
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

  BuildFlags flags_;
  Services services_;
  PlainProgress plain_;
  builder::BuildRequest request_;
};

}  // namespace

int run_build(const Invocation& invocation) {
  BuildFlags flags;
  if (!parse_build_flags(invocation.arguments, flags)) {
    return 0;
  }
  // Wrong words are told before anything is opened.
  progress_of(flags);
  call_of(flags);
  return BuildVerb(invocation, std::move(flags)).run();
}

}  // namespace slipway::cmd
