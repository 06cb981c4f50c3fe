#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cmd/environment.h"

namespace slipway::cmd {

// What every verb gets.
struct Invocation {
  std::vector<std::string> arguments;  // behind the verb
  Environment environment;
  std::string root;  // --root as given; empty where not
};

// Gives the exit code; failures are thrown as base::Error and reported by main.
using VerbFunction = int (*)(const Invocation&);

struct Verb {
  std::string_view name;
  std::string_view summary;
  VerbFunction run;
};

int run_build(const Invocation& invocation);
int run_debug(const Invocation& invocation);
int run_ps(const Invocation& invocation);
int run_rm(const Invocation& invocation);
int run_commit(const Invocation& invocation);
int run_run(const Invocation& invocation);
int run_pull(const Invocation& invocation);
int run_push(const Invocation& invocation);
int run_images(const Invocation& invocation);
int run_tag(const Invocation& invocation);
int run_rmi(const Invocation& invocation);
int run_inspect(const Invocation& invocation);
int run_history(const Invocation& invocation);
int run_load(const Invocation& invocation);
int run_save(const Invocation& invocation);
int run_copy(const Invocation& invocation);
int run_manifest(const Invocation& invocation);
int run_df(const Invocation& invocation);
int run_prune(const Invocation& invocation);
int run_diff(const Invocation& invocation);
int run_export(const Invocation& invocation);
int run_search(const Invocation& invocation);
int run_registry(const Invocation& invocation);
int run_login(const Invocation& invocation);
int run_logout(const Invocation& invocation);
int run_import(const Invocation& invocation);
int run_parse(const Invocation& invocation);
int run_context(const Invocation& invocation);
int run_graph(const Invocation& invocation);
int run_completion(const Invocation& invocation);
int run_version(const Invocation& invocation);

// `slipway [--root DIR] VERB ...`: finds the verb and runs it. kUsage with the nearest verb where
// it is unknown.
int run_command_line(const std::vector<std::string>& arguments, Environment environment);

}  // namespace slipway::cmd
