#pragma once

// From the text of a Dockerfile to a frozen graph. Making a plan reads image configs through an
// ImageResolver and touches nothing else: no file, no clock, no environment.

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "builder/plan/build_context.h"
#include "builder/plan/graph.h"
#include "parser/ignore.h"
#include "parser/lint/linter.h"
#include "parser/outline.h"
#include "registry/oci/platform.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

struct PlanOptions {
  std::string dockerfile_name = "Dockerfile";  // as messages name it
  std::string target;                          // a stage's name; empty: the last stage
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;  // added to the images at the end
  // Requested platforms, one target each. Empty: the builder's own, and a base image that exists
  // only for another of `emulated_platforms` is taken as it is.
  std::vector<registry::Platform> platforms;
  registry::Platform build_platform = registry::host_platform();
  std::vector<registry::Platform> emulated_platforms;
  bool no_cache = false;
  std::vector<std::string> no_cache_filter;  // names of stages
  // --build-context, by name as given.
  std::map<std::string, BuildContext> contexts;
  // Where the main context comes from; its files are the SourceContext "context" in every case. The
  // text only matters for SOURCE_DATE_EPOCH=context.
  BuildContext main_context;
  Exec::Network network = Exec::Network::kDefault;  // of steps without --network
  // The main context's ignore patterns, for the check CopyIgnoredFile; null: no ignore file.
  const parser::PatternMatcher* ignore = nullptr;
  // Plan all stages, not only what the target needs: what a check without a target does.
  bool all_stages = false;
};

// Where base images are found. Called from several threads at once. Failures are thrown as
// base::Error; the planner adds the image's name and the lines.
class ImageResolver {
 public:
  virtual ~ImageResolver() = default;
  // The image for the platform: its config and the names of its layers. The reference has a tag or
  // a digest. An image that exists for one other platform only is given as it is.
  virtual ResolvedImage resolve(const registry::Reference& reference,
                                const registry::Platform& platform, std::stop_token stop) = 0;
  // What a name as it is written in the file stands for: `reference`, which was read of it, unless
  // overridden.
  virtual registry::Reference meant(const std::string& text, const registry::Reference& reference);
  // The same for --build-context name=oci-layout://<layout>. kInput unless overridden.
  virtual ResolvedImage resolve_layout(const std::string& layout,
                                       const registry::Platform& platform, std::stop_token stop);
  // The time (Unix seconds) of a remote source, for SOURCE_DATE_EPOCH=context and its like: of the
  // commit of a SourceGit, the Last-Modified of a SourceHttp. Nothing where it is not known.
  virtual std::optional<std::int64_t> source_time(const VertexOp& source, std::stop_token stop);
};

// One stage of the file, for showing what a plan leaves out.
struct PlannedStage {
  std::string name;    // as steps are called: the stage's name, or "stage-<i>"
  std::string base;    // image or stage, as written
  SourceLines lines;   // of its FROM
  bool named = false;  // has the file a name for it?
  bool needed = true;  // false: the target does not reach it, and it is skipped
};

struct Plan {
  Graph graph;
  std::vector<PlannedStage> stages;            // in file order
  std::vector<parser::LintWarning> warnings;   // in the order they were found
  parser::Outline outline;                     // of the (first) target
  std::vector<std::string> unused_build_args;  // given, but declared by no ARG that was reached
};

// Why there is no plan. `message` is the exact text that users match on.
struct PlanFailure {
  std::string message;
  base::ErrorKind kind = base::ErrorKind::kInput;
  std::vector<SourceLines> lines;  // to mark in the Dockerfile; empty: no place
  std::string file;                // PlanOptions::dockerfile_name
  std::vector<std::string> notes;  // of a resolver's failure, innermost first
  std::string hint;                // what to do about it, if known
  std::vector<parser::LintWarning> warnings;
};

using PlanOutcome = std::expected<Plan, PlanFailure>;

// Parses, checks and plans. Errors of the text, of the options and of resolving are outcomes; only
// kCancelled is thrown. Time and memory are linear in the text but for what the language itself
// multiplies (history entries of RUN list all arguments), which is limited.
PlanOutcome make_plan(std::string_view dockerfile, const PlanOptions& options,
                      ImageResolver& resolver, std::stop_token stop = {});

// Limits on what a Dockerfile can make us do. Each is far beyond any real file.
inline constexpr std::size_t kPlanStagesMax = 20'000;
inline constexpr std::size_t kPlanExpandedBytesMax = std::size_t{128} << 20;  // all expansions
inline constexpr std::size_t kPlanHistoryBytesMax = std::size_t{8} << 20;     // of one image
inline constexpr int kPlanTriggerRoundsMax = 1000;  // base images whose triggers name base images

}  // namespace slipway::builder
