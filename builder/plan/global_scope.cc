#include "builder/plan/global_scope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "builder/plan/platforms.h"

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

}  // namespace

parser::VariableList predefined_arguments(const PlanOptions& options,
                                          const registry::Platform& target,
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
  parser::VariableList values;
  for (const auto& [name, value] : defaults) {
    auto given = options.build_args.find(std::string(name));
    values.set(name, given == options.build_args.end() ? value : given->second);
  }
  return values;
}

Planned<GlobalScope> evaluate_global_scope(const parser::Dockerfile& dockerfile,
                                           const PlanOptions& options,
                                           const parser::VariableList& predefined) {
  std::map<std::string, std::string, std::less<>> build_args(options.build_args.begin(),
                                                             options.build_args.end());
  auto arguments = parser::evaluate_global_arguments(dockerfile, predefined, build_args);
  if (!arguments) {
    return failure(std::move(arguments.error().message), source_lines(arguments.error().lines));
  }
  GlobalScope scope{.arguments = *std::move(arguments), .declared_names = {}};
  scope.declared_names = scope.arguments.names();
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
  parser::VariableList predefined = predefined_arguments({}, {}, {});
  std::vector<std::string> unused;
  for (const auto& [name, value] : build_args) {
    bool special =
        std::find(kSpecialNames.begin(), kSpecialNames.end(), name) != kSpecialNames.end();
    if (!declared.contains(name) && !special && !is_proxy(name) && !predefined.find(name)) {
      unused.push_back(name);
    }
  }
  return unused;
}

}  // namespace slipway::builder
