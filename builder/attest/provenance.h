#pragma once

// Where an image comes from: SLSA provenance v1 (https://slsa.dev/provenance/v1). What is in it is
// described in docs/attestations.md, which is what the build type's URI stands for.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "builder/attest/attestation.h"
#include "builder/plan/graph.h"
#include "builder/solve/solver.h"

namespace slipway::builder {

inline constexpr std::string_view kBuildType = "urn:slipway:dockerfile-build:v1";
inline constexpr std::string_view kDefaultBuilderId = "urn:slipway:builder";

struct ProvenanceOptions {
  // kMin leaves out what a user may not want to show: arguments, labels, names of secrets, the
  // Dockerfile, the steps.
  enum class Mode { kMin, kMax };
  Mode mode = Mode::kMin;
  std::string builder_id = std::string(kDefaultBuilderId);
  bool reproducible = false;  // the user says so
};

// Something from outside that the build was made of.
struct Dependency {
  std::string uri;  // without credentials
  std::map<std::string, std::string> digest;
};

// What was asked for, as values that may be shown.
struct BuildDescription {
  std::string dockerfile_name;
  std::string dockerfile_text;
  std::optional<Dependency> context;  // where it is no local folder or archive
  bool has_local_context = false;
  std::string target;
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> contexts;  // --build-context, as given
  std::vector<std::string> secret_ids;
  std::vector<std::string> ssh_ids;
  registry::Platform builder_platform;
  base::Timestamp started;
  base::Timestamp finished;
  std::string invocation_id;
};

// A URL without the name and password that may stand before its host. "git@" of ssh stays.
std::string without_credentials(std::string_view url);

Dependency git_dependency(const SourceGit& source, std::string_view commit);
Dependency http_dependency(const SourceHttp& source, const std::optional<base::Digest>& digest);

// What the target is made of: base images, repositories and downloads that its steps reach. Sorted,
// each once.
std::vector<Dependency> dependencies_of(const Graph& graph, const Target& target,
                                        const SolveResults& results);

// Pure. With a SOURCE_DATE_EPOCH the times are that one and the invocation is named by its content:
// the same build gives the same bytes.
Attestation make_provenance(const ProvenanceOptions& options, const BuildDescription& build,
                            const Graph& graph, const Target& target, const SolveResults& results);

}  // namespace slipway::builder
