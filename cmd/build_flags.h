#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "builder/build.h"
#include "cmd/attest_flags.h"
#include "cmd/environment.h"
#include "cmd/registry_flags.h"
#include "cmd/step_flags.h"

namespace slipway::cmd {

enum class ProgressKind { kTty, kPlain, kRawJson, kQuiet };
enum class BuildCall { kBuild, kCheck, kOutline, kTargets };

// `slipway build` as it was typed, before anything was read.
struct BuildFlags {
  std::string file;
  std::vector<std::string> tags;
  std::vector<std::string> build_args;
  std::vector<std::string> labels;
  std::vector<std::string> build_contexts;
  std::vector<std::string> outputs;
  std::vector<std::string> secrets;
  std::vector<std::string> ssh;
  std::vector<std::string> allow;
  std::vector<std::string> no_cache_filter;
  std::vector<std::string> platforms;
  std::vector<std::string> annotations;
  std::string target;
  std::string pull;
  std::string network;
  std::string progress;
  std::string call;
  std::string id_file;
  std::string metadata_file;
  std::string jobs;
  StepFlags steps;
  RegistryFlags registry;
  AttestFlags attest;
  bool no_cache = false;
  bool quiet = false;
  bool push = false;
  bool load = false;
  bool squash = false;
  bool check = false;
  bool debug_on_failure = false;
  std::string format;                // of `slipway graph`
  std::string at;                    // of `slipway run --at`: a step
  std::vector<std::string> env;      // likewise: variables of the command
  std::vector<std::string> command;  // likewise; empty: a shell
  std::string context;
};

// False if help was asked for and printed. `slipway graph` takes the flags of a build, because they
// decide the graph; `slipway run --at STEP` those that are not about what comes out of a build.
enum class BuildFlagsOf { kBuild, kGraph, kRunAt };
bool parse_build_flags(BuildFlagsOf verb, const std::vector<std::string>& arguments,
                       BuildFlags& flags);

// The request as far as flags decide it: everything but context and Dockerfile. Reads secret files
// and the agent's socket path from `environment`. kUsage for values that can't be understood,
// kNotFound for files that are not there.
builder::BuildRequest request_of(const BuildFlags& flags, const Environment& environment);

// What --secret and --ssh give, and nothing else.
builder::ExecSettings given_secrets(const std::vector<std::string>& secrets,
                                    const std::vector<std::string>& ssh,
                                    const Environment& environment);

// Context and Dockerfile. `-` as the context or the file reads standard input, which is kept in
// `scratch` if it is an archive.
void read_inputs(const BuildFlags& flags, const std::string& scratch,
                 builder::BuildRequest& request);

// --progress, else $BUILDKIT_PROGRESS, else auto: a terminal gets kTty, everything else kPlain.
enum class StandardError { kTerminal, kOther };
ProgressKind progress_of(const BuildFlags& flags, const Environment& environment,
                         StandardError standard_error);
struct CallKind {
  BuildCall call = BuildCall::kBuild;
  bool json = false;
};
CallKind call_of(const BuildFlags& flags);

// "64m", "1.5g", "1024": docker's sizes, in bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "1.5": a number of processors, from 0.01 to 10,000; nothing for anything else, `nan` included.
std::optional<double> parse_processors(std::string_view text);

}  // namespace slipway::cmd
