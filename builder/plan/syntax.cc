#include "builder/plan/syntax.h"

#include <optional>

#include "base/text.h"
#include "parser/directives.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kArgument = "BUILDKIT_SYNTAX";
constexpr std::string_view kBuiltIn = "dockerfile.v0";

bool is_path_of(std::string_view path, std::string_view repository) {
  return path == repository || path.ends_with(cat("/", repository));
}

bool is_built_in(std::string_view name) {
  if (name == kBuiltIn) {
    return true;
  }
  auto reference = registry::Reference::parse(name);
  return reference && (is_path_of(reference->path(), "docker/dockerfile") ||
                       is_path_of(reference->path(), "docker/dockerfile-upstream"));
}

}  // namespace

Planned<void> check_syntax(std::string_view dockerfile,
                           const std::map<std::string, std::string>& build_args) {
  std::string name;
  SourceLines lines;
  auto given = build_args.find(std::string(kArgument));
  if (given != build_args.end()) {
    std::string_view text = base::trim(given->second);
    name = text.substr(0, text.find(' '));
  } else if (auto directive = parser::find_syntax(dockerfile)) {
    name = directive->reference;
    lines = {directive->line, directive->line};
  }
  if (name.empty() || is_built_in(name)) {
    return {};
  }
  auto problem = failure(cat("the dockerfile asks for the front end ", base::quote(name),
                             ", but only that of docker/dockerfile images is built in"),
                         lines);
  problem.error().hint =
      cat("--build-arg ", kArgument, "=", kBuiltIn, " reads the file as an ordinary Dockerfile");
  return problem;
}

}  // namespace slipway::builder
