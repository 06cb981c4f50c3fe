#pragma once

// What one platform's plan is made with, and what its parts share.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/plan/global_scope.h"
#include "builder/plan/image_draft.h"
#include "builder/plan/planned.h"
#include "builder/plan/stages.h"
#include "builder/plan/vertex_pool.h"
#include "parser/lint/checks.h"
#include "parser/lint/linter.h"

namespace slipway::builder {

struct PlanSession {
  const parser::Dockerfile& dockerfile;
  const PlanOptions& options;
  registry::Platform target_platform;
  bool implicit_target = false;  // no platform was asked for
  bool show_platform = false;    // step names begin with the platform
  GlobalScope global;
  std::optional<std::int64_t> source_date_epoch;
  std::vector<std::string> proxies;
  std::string hostname;
  VertexPool& vertices;
  std::optional<VertexId> context;  // once a step reads it
  parser::Linter& linter;
  HistoryLog history;
  Budget budget{kPlanExpandedBytesMax};
  std::set<std::string, std::less<>> used_arguments;  // names that a reached ARG declares
};

// An ARG of a stage as an outline shows it; one that only repeats a global argument is not kept.
struct StageOutline {
  std::map<std::string, parser::Outline::Argument, std::less<>> arguments;
  std::set<std::string, std::less<>> used_arguments;
  std::vector<parser::Outline::Secret> secrets;
  std::vector<parser::Outline::Ssh> ssh;
};

// A stage between two instructions. Copying one is cheap.
struct StageState {
  std::optional<VertexId> state;  // none: an empty file system
  // The files of a context that takes the place of an image, as they are: what COPY --from and
  // mounts read. `state` is then a copy of them as a layer.
  std::optional<VertexId> files;
  registry::Platform platform;
  Environment environment;  // what expansion and RUN see
  Environment arguments;    // names declared by ARG in this chain of stages; "" without a value
  ImageDraft image;
  parser::StageChecks checks;
  bool has_cmd = false;  // a CMD of this very stage was seen
};

// What became of a node.
struct NodeResult {
  StageState end;
  StageOutline outline;
};

}  // namespace slipway::builder
