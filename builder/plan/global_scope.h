#pragma once

// The global arguments: predefined platform arguments, ARG before the first FROM, and the build
// arguments that mean something without any ARG (language reference 6.1 and 6.3).

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/environment.h"
#include "builder/plan/planned.h"
#include "parser/outline.h"
#include "parser/parser.h"
#include "registry/oci/platform.h"

namespace slipway::builder {

// A global ARG as an outline shows it.
struct GlobalArgument {
  parser::Outline::Argument shown;
  std::set<std::string> uses;  // the global arguments that its value was made from
};

struct GlobalScope {
  Environment values;
  std::map<std::string, GlobalArgument, std::less<>> arguments;  // those that ARG declares
  // Every name that FROM may use without being told that it is not declared.
  std::vector<std::string> declared_names;
};

// BUILDPLATFORM, TARGETARCH and the others, TARGETSTAGE; a build argument of the name wins.
Environment predefined_arguments(const PlanOptions& options, const registry::Platform& target,
                                 std::string_view target_stage);

// Evaluates the ARG instructions before the first FROM on top of `predefined`.
Planned<GlobalScope> evaluate_global_scope(const parser::Dockerfile& dockerfile,
                                           const PlanOptions& options, Environment predefined,
                                           Budget& budget);

// "HTTP_PROXY=..." and "http_proxy=..." for the proxies among the build arguments, whatever case
// they were given in; of two spellings the later in byte order wins.
std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args);

// The build arguments that no ARG among `declared` took and that mean nothing by themselves.
std::vector<std::string> unused_build_args(const std::map<std::string, std::string>& build_args,
                                           const std::set<std::string, std::less<>>& declared);

}  // namespace slipway::builder
