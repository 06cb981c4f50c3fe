#pragma once

// The story of one build: read the Dockerfile, plan, solve, assemble, export. The only header of
// this room that verbs need for building.

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "builder/export/output.h"
#include "builder/image/pull_policy.h"
#include "builder/ops/exec_settings.h"
#include "builder/plan/plan.h"
#include "builder/solve/events.h"
#include "registry/oci/reference.h"

namespace slipway::cache {
class Store;
}

namespace slipway::builder {

class ImageSource;
class LayerStore;
class Sandbox;

// Where the build's own files come from.
struct ContextInput {
  std::string directory;  // the main context; empty: there is none (Dockerfile only)
  // A local folder's owners are dropped (all becomes 0:0); a tar's stay.
  bool keep_owners = false;
  std::string ignore_text;  // .dockerignore, already read; empty: nothing is ignored
  std::string ignore_name;  // for messages: ".dockerignore"
};

struct BuildRequest {
  std::string dockerfile_text;
  std::string dockerfile_name;  // as messages name it
  ContextInput context;
  std::map<std::string, ContextInput> local_contexts;  // --build-context name=dir
  PlanOptions plan;
  PullPolicy pull = PullPolicy::kMissing;
  ExecSettings exec;  // secrets, ssh, limits, entitlements: given to steps, part of no key
  std::vector<registry::Reference> tags;
  std::vector<Output> outputs;  // none: only the cache is filled
  unsigned jobs = 32;
};

// What the build works with; all owned by the caller and alive until it ends.
struct BuildServices {
  cache::Store* store;
  LayerStore* layers;
  ImageSource* images;
  Sandbox* sandbox;
  const base::Clock* clock;
  EventSink events;
};

struct BuiltImage {
  registry::Platform platform;
  base::Digest id;                              // of the config
  std::optional<base::Digest> manifest_digest;  // where an output made a manifest
};

struct BuildResult {
  std::vector<BuiltImage> images;  // one per platform
  std::vector<std::string> names;  // under which they are in the store
  std::vector<std::string> warnings;
};

// A failure that has a place in the Dockerfile.
struct BuildFailure {
  base::Error error;
  std::string file;                // "" where no file is meant
  std::vector<SourceLines> lines;  // empty: none known
  std::optional<VertexId> vertex;  // the step that failed, if one ran
};

// Failures of the Dockerfile or of a step are values; what has no place in it (no store, no
// context, cancelled before the first step) is thrown.
std::expected<BuildResult, BuildFailure> build(const BuildRequest& request,
                                               const BuildServices& services, std::stop_token stop);

}  // namespace slipway::builder
