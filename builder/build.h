#pragma once

// The story of one build: read the Dockerfile, plan, solve, assemble, export. The only header of
// this room that verbs need for building.

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "builder/attest/attestation.h"
#include "builder/attest/provenance.h"
#include "builder/export/output.h"
#include "builder/image/pull_policy.h"
#include "builder/ops/exec_settings.h"
#include "builder/plan/plan.h"
#include "builder/solve/events.h"
#include "registry/oci/reference.h"

namespace slipway::cache {
class Store;
struct KeptRow;
}  // namespace slipway::cache
namespace slipway::registry {
class Client;
class Transport;
}  // namespace slipway::registry

namespace slipway::builder {

class LayerStore;
class StepRunner;
class TreeView;

// Where the main context's files come from.
struct ContextInput {
  enum class Kind { kNone, kDirectory, kTar, kGit, kHttp };
  Kind kind = Kind::kNone;
  // kDirectory: the folder; kTar: a file with the archive, plain or compressed; kGit: a git
  // reference; kHttp: a URL of an archive, or of a Dockerfile.
  std::string path;
  std::string dockerfile_path;  // where the Dockerfile is as a file, for <Dockerfile>.dockerignore;
                                // "" if it is none
  std::shared_ptr<TreeView> files;   // of all kinds but folders, from prepare_inputs
  std::optional<Dependency> source;  // what was fetched, from prepare_inputs
};

// What is to be said of the images, beside them. Nothing is read or computed unless it is asked
// for.
struct AttestRequest {
  std::optional<ProvenanceOptions> provenance;
  bool sbom = false;
  std::optional<AttestationForm> form;  // none: as suits each output
};

struct BuildRequest {
  // What failed steps are kept under, for looking into them later; empty: they are not kept.
  std::string id;
  // Nothing: prepare_inputs reads the file dockerfile_name (else, if that is "Dockerfile",
  // "dockerfile") of a context that is no folder.
  std::optional<std::string> dockerfile_text;
  std::string dockerfile_name;  // as messages name it
  ContextInput context;
  PlanOptions plan;
  PullPolicy pull = PullPolicy::kMissing;
  ExecSettings exec;  // secrets, ssh, limits, entitlements: given to steps, part of no key
  std::vector<registry::Reference> tags;
  std::vector<Output> outputs;  // none: only the cache is filled
  bool squash = false;          // the layers of the build become one
  AttestRequest attest;
  unsigned jobs = 32;
};

// What the build works with; all owned by the caller and alive until it ends.
struct BuildServices {
  cache::Store* store;
  LayerStore* layers;
  std::function<registry::Client&()> client;  // made when a registry is first needed
  std::function<StepRunner&()> runner;        // made when the first step runs
  const base::Clock* clock;
  EventSink events;
  int standard_output = -1;                         // for outputs with dest=-
  std::function<registry::Transport&()> transport;  // for downloads; made when first needed
  std::vector<std::string> environment;             // of programs that are run for the build (git)
  // Gets the sandbox of a RUN whose command failed, with its files as it left them, and may run
  // something in it; from a thread of the step's, one at a time. Empty: nobody wants to look.
  std::function<void(SandboxSpec spec)> debug;
  // What short names of base images stand for (registries.conf); empty: what Docker says.
  std::function<std::optional<std::string>(const std::string& name)> find_alias = {};
  // Called when all steps have succeeded and no other will be run; empty: nobody wants to know.
  std::function<void()> steps_ended = {};
};

struct BuiltImage {
  registry::Platform platform;
  base::Digest id;  // of the config
};

struct BuildResult {
  std::vector<BuiltImage> images;  // one per platform
  std::vector<std::string> names;  // that outputs gave them
  // What the last output that made one wrote: the manifest of a single image, the index of several.
  std::optional<registry::Descriptor> root;
  std::vector<parser::LintWarning> warnings;
  std::vector<std::string> unused_build_args;
};

// A failure that has a place in the Dockerfile.
struct BuildFailure {
  base::Error error;
  std::string file;                // "" where no file is meant
  std::string dockerfile;          // its text
  std::vector<SourceLines> lines;  // empty: none known
  std::optional<VertexId> vertex;  // the step that failed, if one ran
  bool is_kept = false;            // what it left is in the store, under the request's id
  std::vector<parser::LintWarning> warnings;
};

// The failure of a plan, in the form that a build gives it.
BuildFailure failure_of(const PlanFailure& failure, std::string dockerfile);

// Makes context and Dockerfile ready: an archive is read, a repository or URL fetched, and the
// Dockerfile read from it where the request has no text yet. build() and plan_only() need that;
// nothing is done twice. Throws kNotFound «failed to read dockerfile: ...» and what fetching
// throws.
void prepare_inputs(BuildRequest& request, const BuildServices& services, std::stop_token stop);

// Plans only: what `--call` and `--check` look at. Base images' configs may be fetched for it.
PlanOutcome plan_only(const BuildRequest& request, const BuildServices& services,
                      std::stop_token stop);

// Precondition of both: prepare_inputs was called.
// Failures of the Dockerfile or of a step are values; what has no place in it (no store, no
// context, cancelled before the first step) is thrown.
std::expected<BuildResult, BuildFailure> build(const BuildRequest& request,
                                               const BuildServices& services, std::stop_token stop);

// Builds what the step needs that `text` names (step_choice.h) and gives its sandbox, as it is
// before the step is run, to the visitor; an instruction that runs no command gets the sandbox that
// a RUN in its place would have. Of several platforms the first. Throws kUsage for a text that
// names no step, or several; otherwise as build().
std::expected<void, BuildFailure> visit_step(const BuildRequest& request,
                                             const BuildServices& services, std::string_view text,
                                             const std::function<void(SandboxSpec spec)>& visitor,
                                             std::stop_token stop);

// A failed step that an earlier build has kept, with what it left: the files are as they were and
// stay so, whatever the visitor does. `row` is of the kind kFailedStep. Secrets, agents and the
// user's network are those of `settings`, the rest is what the build had. kNotFound if it was
// removed meanwhile.
void visit_kept_step(const cache::KeptRow& row, const ExecSettings& settings,
                     const BuildServices& services,
                     const std::function<void(SandboxSpec spec)>& visitor, std::stop_token stop);

}  // namespace slipway::builder
