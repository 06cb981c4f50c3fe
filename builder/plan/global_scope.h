#pragma once

// What surrounds the stages: predefined platform arguments, ARG before the first FROM, and the
// build arguments that mean something without any ARG (language reference 6.1 and 6.3).

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/planned.h"
#include "parser/global_arguments.h"
#include "parser/parser.h"
#include "registry/oci/platform.h"

namespace slipway::builder {

struct GlobalScope {
  parser::GlobalArguments arguments;
  // Every name that FROM may use without being told that it is not declared.
  std::vector<std::string> declared_names;

  // What FROM lines are expanded with, and ARG without a default is looked up in.
  const parser::VariableList& values() const { return arguments.values; }
};

// BUILDPLATFORM, TARGETARCH and the others, TARGETSTAGE; a build argument of the name wins.
parser::VariableList predefined_arguments(const PlanOptions& options,
                                          const registry::Platform& target,
                                          std::string_view target_stage);

// Evaluates the ARG instructions before the first FROM on top of `predefined`.
Planned<GlobalScope> evaluate_global_scope(const parser::Dockerfile& dockerfile,
                                           const PlanOptions& options,
                                           const parser::VariableList& predefined);

// "HTTP_PROXY=..." and "http_proxy=..." for the proxies among the build arguments, whatever case
// they were given in; of two spellings the later in byte order wins.
std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args);

// The build arguments that no ARG among `declared` took and that mean nothing by themselves.
std::vector<std::string> unused_build_args(const std::map<std::string, std::string>& build_args,
                                           const std::set<std::string, std::less<>>& declared);

}  // namespace slipway::builder
