// The story of a plan. For each platform: evaluate the global arguments, read the FROM lines, link
// stages to what they read, resolve the images that the target needs, then lower the instructions
// of the needed stages in file order. Everything but resolving is pure.

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "builder/plan/epoch.h"
#include "builder/plan/plan.h"
#include "builder/plan/platform_plan.h"
#include "builder/plan/platforms.h"
#include "builder/plan/prune.h"
#include "builder/plan/syntax.h"
#include "parser/directives.h"
#include "parser/lint/checks.h"
#include "parser/parser.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

namespace {

// What all platforms share.
class Planner {
 public:
  Planner(const PlanOptions& options, ImageResolver& resolver, std::stop_token stop)
      : options_(options), resolver_(resolver), stop_(std::move(stop)) {}

  PlanOutcome plan(std::string_view text) {
    auto plan = make(text);
    if (!plan) {
      plan.error().file = options_.dockerfile_name;
      plan.error().warnings = std::move(warnings_);
    }
    return plan;
  }

 private:
  Planned<parser::CheckOptions> read_check_options(std::string_view text) const {
    auto given = options_.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
    std::string value;
    if (given != options_.build_args.end()) {
      value = given->second;
    } else if (auto directive = parser::find_check(text)) {
      value = directive->value;
    }
    auto check = parser::parse_check_options(value);
    if (!check) {
      return failure("failed to parse check options: " + check.error());
    }
    return *check;
  }

  PlanOutcome make(std::string_view text) {
    if (text.empty()) {
      return failure("the Dockerfile cannot be empty");
    }
    if (auto checked = check_syntax(text, options_.build_args); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
    auto check_options = read_check_options(text);
    if (!check_options) {
      return std::unexpected(std::move(check_options.error()));
    }
    parser::ParseResult parsed = parser::parse(text);
    parser::Linter linter(*check_options);
    parser::check_file(parsed, linter);
    warnings_ = linter.warnings();
    std::vector<parser::Diagnostic> errors =
        parsed.ok() ? parser::check_has_stages(parsed.dockerfile) : std::move(parsed.errors);
    if (!errors.empty()) {
      return failure(errors[0].message, source_lines(errors[0].lines));
    }
    return make(parsed.dockerfile, *check_options, linter);
  }

  PlanOutcome make(const parser::Dockerfile& dockerfile, const parser::CheckOptions& check_options,
                   const parser::Linter& file_linter) {
    std::vector<registry::Platform> platforms = options_.platforms;
    if (platforms.empty()) {
      platforms.push_back(options_.build_platform);
    }
    Plan plan;
    std::set<std::string, std::less<>> used_arguments;
    for (const registry::Platform& platform : platforms) {
      // The first platform's checks go on from the file's; those of others are added if new.
      parser::Linter linter =
          plan.graph.targets.empty() ? file_linter : parser::Linter(check_options);
      auto made = make_for(dockerfile, platform, linter);
      keep_warnings(linter);
      if (!made) {
        return std::unexpected(std::move(made.error()));
      }
      if (plan.graph.targets.empty()) {
        plan.outline = std::move(made->outline);
        plan.stages = std::move(made->stages);
      }
      plan.graph.targets.push_back(std::move(made->target));
      used_arguments.merge(made->used_arguments);
    }
    if (auto violation = violation_of(check_options)) {
      return failure(violation->message, source_lines(violation->lines));
    }
    plan.graph.vertices = std::move(vertices_).take();
    prune(plan.graph);
    plan.unused_build_args = unused_build_args(options_.build_args, used_arguments);
    plan.warnings = std::move(warnings_);
    return plan;
  }

  Planned<PlatformPlan> make_for(const parser::Dockerfile& dockerfile,
                                 const registry::Platform& platform, parser::Linter& linter) {
    // The epoch may be named in a build argument; steps see the number.
    PlanOptions options = options_;
    PlanSession session{.dockerfile = dockerfile,
                        .options = options,
                        .target_platform = platform,
                        .implicit_target = options_.platforms.empty(),
                        .show_platform = shows_platform(),
                        .global = GlobalScope(),
                        .proxies = proxy_environment(options_.build_args),
                        .hostname = build_arg("BUILDKIT_SANDBOX_HOSTNAME"),
                        .vertices = vertices_,
                        .linter = linter};
    parser::VariableList predefined =
        predefined_arguments(options, platform, target_stage(dockerfile));
    check_defaults(dockerfile, predefined, linter);
    auto global = evaluate_global_scope(dockerfile, options, predefined);
    if (!global) {
      return std::unexpected(std::move(global.error()));
    }
    session.global = *std::move(global);
    StageInputs inputs{dockerfile, options, session.global, session.target_platform};
    auto epoch = find_source_date_epoch(inputs, resolver_, stop_);
    if (!epoch) {
      return std::unexpected(std::move(epoch.error()));
    }
    session.source_date_epoch = *epoch;
    settle_source_date_epoch(*epoch, options.build_args, session.global);
    return plan_platform(session, resolver_, stop_);
  }

  void check_defaults(const parser::Dockerfile& dockerfile, const parser::VariableList& predefined,
                      parser::Linter& linter) const {
    auto is_reference = [](std::string_view text) {
      return registry::Reference::parse(text).has_value();
    };
    parser::check_default_bases(dockerfile, predefined, is_reference, linter);
  }

  std::string target_stage(const parser::Dockerfile& dockerfile) const {
    const std::string& name =
        options_.target.empty() ? dockerfile.stages.back().from.name : options_.target;
    return name.empty() ? "default" : name;
  }

  std::string build_arg(const std::string& name) const {
    auto found = options_.build_args.find(name);
    return found == options_.build_args.end() ? std::string() : found->second;
  }

  bool shows_platform() const {
    std::string multi = base::to_lower_ascii(build_arg("BUILDKIT_MULTI_PLATFORM"));
    return options_.platforms.size() > 1 || multi == "1" || multi == "t" || multi == "true";
  }

  void keep_warnings(const parser::Linter& linter) {
    for (const parser::LintWarning& warning : linter.warnings()) {
      if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
        warnings_.push_back(warning);
      }
    }
  }

  std::optional<parser::Diagnostic> violation_of(const parser::CheckOptions& check_options) const {
    if (!check_options.error) {
      return std::nullopt;
    }
    parser::Linter all(parser::CheckOptions{.experimental_all = true, .error = true});
    for (const parser::LintWarning& warning : warnings_) {
      all.report(warning.rule, warning.lines, warning.detail);
    }
    return all.violation();
  }

  const PlanOptions& options_;
  ImageResolver& resolver_;
  std::stop_token stop_;
  VertexPool vertices_;
  std::vector<parser::LintWarning> warnings_;
};

}  // namespace

PlanOutcome make_plan(std::string_view dockerfile, const PlanOptions& options,
                      ImageResolver& resolver, std::stop_token stop) {
  return Planner(options, resolver, std::move(stop)).plan(dockerfile);
}

}  // namespace slipway::builder
