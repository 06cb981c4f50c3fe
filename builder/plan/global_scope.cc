#include "builder/plan/global_scope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "builder/plan/platforms.h"
#include "parser/expand.h"

namespace slipway::builder {

namespace {

constexpr std::array<std::string_view, 5> kProxyNames{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY",
                                                      "NO_PROXY", "ALL_PROXY"};
// Build arguments that work without an ARG.
constexpr std::array<std::string_view, 11> kSpecialNames{
    "BUILDKIT_BUILD_NAME",       "BUILDKIT_CACHE_MOUNT_NS",    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DOCKERFILE_CHECK", "BUILDKIT_INLINE_CACHE",      "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE",
    "BUILDKIT_SYNTAX",           "SOURCE_DATE_EPOCH"};

bool is_proxy(std::string_view name) {
  return std::any_of(kProxyNames.begin(), kProxyNames.end(), [&](std::string_view proxy) {
    return base::equal_ignoring_case(proxy, name);
  });
}

// Evaluates one ARG before FROM; later ones see it.
class GlobalEvaluator {
 public:
  GlobalEvaluator(const PlanOptions& options, char escape, Budget& budget, GlobalScope& scope)
      : options_(options), escape_(escape), budget_(budget), scope_(scope) {}

  Planned<void> declare(const parser::Arg::Declaration& declaration, SourceLines lines) {
    GlobalArgument argument{{.name = declaration.name,
                             .description = declaration.description,
                             .lines = {lines.first, lines.last}},
                            {}};
    auto given = options_.build_args.find(declaration.name);
    if (given != options_.build_args.end()) {
      argument.shown.value = given->second;
    } else if (declaration.default_value) {
      auto expansion =
          parser::expand(*declaration.default_value, scope_.values, {.escape = escape_});
      if (!expansion) {
        return failure(std::move(expansion.error()), lines);
      }
      note_uses(declaration.name, expansion->matched, argument);
      argument.shown.value = std::move(expansion->text);
    }
    if (argument.shown.value) {
      budget_.spend(argument.shown.value->size());
      scope_.values.set(declaration.name, *argument.shown.value);
    }
    if (auto problem = budget_.problem()) {
      return failure(std::move(*problem), lines);
    }
    scope_.arguments.insert_or_assign(declaration.name, std::move(argument));
    return {};
  }

 private:
  // An argument made from its own former value uses what that one used. The former entry is about
  // to be replaced, so its set is taken, not copied: a file may do this ten thousand times.
  void note_uses(const std::string& name, const std::vector<std::string>& matched,
                 GlobalArgument& argument) {
    auto former = scope_.arguments.find(name);
    bool uses_itself = std::find(matched.begin(), matched.end(), name) != matched.end();
    if (uses_itself && former != scope_.arguments.end()) {
      argument.uses = std::move(former->second.uses);
    }
    for (const std::string& used : matched) {
      if (used != name) {
        argument.uses.insert(used);
      }
    }
  }

  const PlanOptions& options_;
  char escape_;
  Budget& budget_;
  GlobalScope& scope_;
};

}  // namespace

Environment predefined_arguments(const PlanOptions& options, const registry::Platform& target,
                                 std::string_view target_stage) {
  const registry::Platform& build = options.build_platform;
  registry::Platform build_without_version = build;
  build_without_version.os_version.clear();
  const std::array<std::pair<std::string_view, std::string>, 11> defaults{{
      {"BUILDPLATFORM", platform_text(build_without_version)},
      {"BUILDOS", build.os},
      {"BUILDOSVERSION", build.os_version},
      {"BUILDARCH", build.architecture},
      {"BUILDVARIANT", build.variant},
      {"TARGETPLATFORM", platform_text(target)},
      {"TARGETOS", target.os},
      {"TARGETOSVERSION", target.os_version},
      {"TARGETARCH", target.architecture},
      {"TARGETVARIANT", target.variant},
      {"TARGETSTAGE", std::string(target_stage)},
  }};
  Environment values;
  for (const auto& [name, value] : defaults) {
    auto given = options.build_args.find(std::string(name));
    values.set(name, given == options.build_args.end() ? value : given->second);
  }
  return values;
}

Planned<GlobalScope> evaluate_global_scope(const parser::Dockerfile& dockerfile,
                                           const PlanOptions& options, Environment predefined,
                                           Budget& budget) {
  GlobalScope scope;
  scope.values = std::move(predefined);
  GlobalEvaluator evaluator(options, dockerfile.escape, budget, scope);
  for (const parser::Arg& arg : dockerfile.global_arguments) {
    for (const parser::Arg::Declaration& declaration : arg.declarations) {
      if (auto done = evaluator.declare(declaration, source_lines(arg.lines)); !done) {
        return std::unexpected(std::move(done.error()));
      }
    }
  }
  scope.declared_names = scope.values.names();
  for (const auto& [name, argument] : scope.arguments) {
    if (!scope.values.contains(name)) {
      scope.declared_names.push_back(name);
    }
  }
  return scope;
}

std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args) {
  std::vector<std::string> variables;
  for (std::string_view proxy : kProxyNames) {
    std::string value;
    for (const auto& [name, given] : build_args) {
      if (base::equal_ignoring_case(name, proxy)) {
        value = given;
      }
    }
    if (!value.empty()) {
      variables.push_back(base::cat(proxy, "=", value));
      variables.push_back(base::cat(base::to_lower_ascii(proxy), "=", value));
    }
  }
  return variables;
}

std::vector<std::string> unused_build_args(const std::map<std::string, std::string>& build_args,
                                           const std::set<std::string, std::less<>>& declared) {
  Environment predefined = predefined_arguments({}, {}, {});
  std::vector<std::string> unused;
  for (const auto& [name, value] : build_args) {
    bool special =
        std::find(kSpecialNames.begin(), kSpecialNames.end(), name) != kSpecialNames.end();
    if (!declared.contains(name) && !special && !is_proxy(name) && !predefined.contains(name)) {
      unused.push_back(name);
    }
  }
  return unused;
}

}  // namespace slipway::builder
