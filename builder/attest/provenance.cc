#include "builder/attest/provenance.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "builder/attest/package.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

namespace {

using base::cat;
using nlohmann::json;
using Mode = ProvenanceOptions::Mode;

// Images that come from a folder have this in the place of a registry, and no name.
constexpr std::string_view kLayoutDomain = "layout.invalid";

// Ids of all that the target's state is made of, smallest first.
std::vector<VertexId> reachable(const Graph& graph, const Target& target) {
  std::set<VertexId> seen;
  std::vector<VertexId> left;
  if (target.state) {
    left.push_back(*target.state);
  }
  while (!left.empty()) {
    VertexId id = left.back();
    left.pop_back();
    if (seen.insert(id).second) {
      std::vector<VertexId> inputs = inputs_of(graph.vertex(id));
      left.insert(left.end(), inputs.begin(), inputs.end());
    }
  }
  return {seen.begin(), seen.end()};
}

std::map<std::string, std::string> digest_set(const base::Digest& digest) {
  return {{std::string(digest.algorithm()), std::string(digest.hex())}};
}

// By the manifest where there is one; an image that was built here and never left has its config.
Dependency image_dependency(const ResolvedImage& image) {
  const base::Digest& digest = image.manifest_digest.value_or(image.config_digest);
  if (image.reference.domain() == kLayoutDomain) {
    return {cat("pkg:oci/layout@", purl_encode(digest.text())), digest_set(digest)};
  }
  registry::Reference named = image.reference.with_default_tag();
  if (image.manifest_digest && !named.digest()) {
    named = named.with_digest(*image.manifest_digest);
  }
  return {purl_of(named, image.config.platform), digest_set(digest)};
}

std::optional<base::Digest> digest_of(const SourceHttp& source, const VertexResult* result) {
  if (source.checksum || result == nullptr || result->files == nullptr) {
    return source.checksum;
  }
  std::optional<Entry> file = result->files->find(base::ImagePath().child(source.file_name));
  return file ? file->digest : std::nullopt;
}

std::optional<Dependency> dependency_of(const VertexOp& op, const VertexResult* result) {
  if (const auto* image = std::get_if<SourceImage>(&op)) {
    return image_dependency(*image->image);
  }
  if (const auto* git = std::get_if<SourceGit>(&op)) {
    return git_dependency(*git, result == nullptr ? "" : result->commit);
  }
  if (const auto* http = std::get_if<SourceHttp>(&op)) {
    return http_dependency(*http, digest_of(*http, result));
  }
  return std::nullopt;
}

json json_of(const Dependency& dependency) {
  json object{{"uri", dependency.uri}};
  if (!dependency.digest.empty()) {
    object["digest"] = dependency.digest;
  }
  return object;
}

class Provenance {
 public:
  Provenance(const ProvenanceOptions& options, const BuildDescription& build, const Graph& graph,
             const Target& target, const SolveResults& results)
      : options_(options),
        build_(build),
        graph_(graph),
        target_(target),
        results_(results),
        ids_(reachable(graph, target)) {}

  std::string text() const {
    json definition{{"buildType", kBuildType},
                    {"externalParameters", external_parameters()},
                    {"internalParameters", internal_parameters()},
                    {"resolvedDependencies", dependencies()}};
    json details{
        {"builder", {{"id", options_.builder_id}, {"version", {{"slipway", SLIPWAY_VERSION}}}}},
        {"metadata", metadata()}};
    if (options_.mode == Mode::kMax) {
      details["byproducts"] = byproducts();
    }
    json predicate{{"buildDefinition", std::move(definition)}, {"runDetails", std::move(details)}};
    predicate["runDetails"]["metadata"]["invocationId"] =
        is_timeless() ? std::string(base::sha256_of(base::dump_json(predicate)).hex())
                      : build_.invocation_id;
    return base::dump_json(predicate);
  }

 private:
  bool is_timeless() const { return target_.source_date_epoch.has_value(); }

  json external_parameters() const {
    json source{{"path", build_.dockerfile_name}};
    if (build_.context) {
      source.update(json_of(*build_.context));
    }
    json request{{"frontend", "dockerfile.v0"}, {"args", arguments()}};
    if (build_.has_local_context) {
      request["locals"] = {{{"name", "context"}}, {{"name", "dockerfile"}}};
    }
    if (options_.mode == Mode::kMax) {
      add_ids(request, "secrets", build_.secret_ids);
      add_ids(request, "ssh", build_.ssh_ids);
    }
    return {{"configSource", std::move(source)}, {"request", std::move(request)}};
  }

  static void add_ids(json& request, const char* member, const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      request[member].push_back({{"id", id}, {"optional", true}});
    }
  }

  json arguments() const {
    json arguments = json::object();
    arguments["platform"] = target_.platform.text();
    if (!build_.target.empty()) {
      arguments["target"] = build_.target;
    }
    for (const auto& [name, value] : build_.contexts) {
      arguments[cat("context:", name)] = without_credentials(value);
    }
    if (options_.mode == Mode::kMin) {
      return arguments;
    }
    for (const auto& [name, value] : build_.build_args) {
      arguments[cat("build-arg:", name)] = value;
    }
    for (const auto& [name, value] : build_.labels) {
      arguments[cat("label:", name)] = value;
    }
    return arguments;
  }

  json internal_parameters() const {
    json parameters{{"builderPlatform", build_.builder_platform.text()}};
    if (options_.mode == Mode::kMax) {
      parameters["buildConfig"] = {{"steps", steps()}};
    }
    return parameters;
  }

  // The graph of the target, by the ids that it has here.
  json steps() const {
    json steps = json::array();
    for (VertexId id : ids_) {
      const Vertex& vertex = graph_.vertex(id);
      json inputs = json::array();
      for (VertexId input : inputs_of(vertex)) {
        inputs.push_back(step_name(input));
      }
      json lines = json::array();
      for (const SourceLines& range : vertex.meta.lines) {
        lines.push_back({range.first, range.last});
      }
      steps.push_back({{"id", step_name(id)},
                       {"name", without_credentials(vertex.meta.name)},
                       {"inputs", std::move(inputs)},
                       {"lines", std::move(lines)}});
    }
    return steps;
  }

  std::string step_name(VertexId id) const {
    auto place = std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin();
    return cat("step", place);
  }

  json dependencies() const {
    json list = json::array();
    if (build_.context) {
      list.push_back(json_of(*build_.context));
    }
    for (const Dependency& dependency : dependencies_of(graph_, target_, results_)) {
      list.push_back(json_of(dependency));
    }
    return list;
  }

  json metadata() const {
    base::Timestamp epoch{target_.source_date_epoch.value_or(0), 0};
    bool is_request_complete = options_.mode == Mode::kMax;
    return {{"startedOn", base::format_rfc3339(is_timeless() ? epoch : build_.started)},
            {"finishedOn", base::format_rfc3339(is_timeless() ? epoch : build_.finished)},
            {"slipway_completeness",
             {{"request", is_request_complete},
              {"resolvedDependencies", !build_.has_local_context && is_offline()}}},
            {"slipway_reproducible", options_.reproducible}};
  }

  // What a step loads from somewhere is in no list.
  bool is_offline() const {
    return std::all_of(ids_.begin(), ids_.end(), [&](VertexId id) {
      const auto* exec = std::get_if<Exec>(&graph_.vertex(id).op);
      return exec == nullptr || exec->network == Exec::Network::kNone;
    });
  }

  // The Dockerfile, and the layer that each step made.
  json byproducts() const {
    json list = json::array();
    list.push_back({{"name", build_.dockerfile_name},
                    {"mediaType", "text/x-dockerfile"},
                    {"digest", digest_set(base::sha256_of(build_.dockerfile_text))},
                    {"content", base::to_base64(build_.dockerfile_text)}});
    for (VertexId id : ids_) {
      const std::optional<VertexResult>& result = results_[index_of(id)];
      if (result && result->created && !result->state.empty()) {
        list.push_back({{"name", step_name(id)},
                        {"mediaType", registry::media_types::kOciLayer},
                        {"digest", digest_set(result->state.top().diff_id.digest())}});
      }
    }
    return list;
  }

  const ProvenanceOptions& options_;
  const BuildDescription& build_;
  const Graph& graph_;
  const Target& target_;
  const SolveResults& results_;
  std::vector<VertexId> ids_;
};

}  // namespace

std::string without_credentials(std::string_view url) {
  std::string result;
  // A step's name may have several.
  while (!url.empty()) {
    std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
      break;
    }
    std::size_t start = scheme + 3;
    std::string_view authority = url.substr(start, url.find_first_of("/?# \t\n", start) - start);
    std::size_t at = authority.rfind('@');
    bool is_ssh = url.substr(0, scheme).ends_with("ssh");
    bool has_secret =
        at != std::string_view::npos && (!is_ssh || authority.substr(0, at).contains(':'));
    result += url.substr(0, start);
    result += has_secret ? cat("xxxxx@", authority.substr(at + 1)) : std::string(authority);
    url.remove_prefix(start + authority.size());
  }
  return result + std::string(url);
}

Dependency git_dependency(const SourceGit& source, std::string_view commit) {
  std::string remote = without_credentials(source.remote);
  if (!remote.contains("://")) {
    // "git@host:path", as ssh has it.
    std::replace(remote.begin(), remote.end(), ':', '/');
    remote = cat("ssh://", remote);
  }
  Dependency dependency{cat("git+", remote, source.ref.empty() ? "" : cat("@", source.ref)), {}};
  if (!commit.empty()) {
    dependency.digest["gitCommit"] = commit;
  }
  return dependency;
}

Dependency http_dependency(const SourceHttp& source, const std::optional<base::Digest>& digest) {
  Dependency dependency{without_credentials(source.url), {}};
  if (digest) {
    dependency.digest = digest_set(*digest);
  }
  return dependency;
}

std::vector<Dependency> dependencies_of(const Graph& graph, const Target& target,
                                        const SolveResults& results) {
  std::map<std::string, Dependency> found;
  for (VertexId id : reachable(graph, target)) {
    const std::optional<VertexResult>& result = results[index_of(id)];
    if (auto dependency = dependency_of(graph.vertex(id).op, result ? &*result : nullptr)) {
      std::string key = dependency->uri;
      for (const auto& [algorithm, hex] : dependency->digest) {
        key += cat('\0', algorithm, '\0', hex);
      }
      found.emplace(std::move(key), *std::move(dependency));
    }
  }
  std::vector<Dependency> list;
  for (auto& [key, dependency] : found) {
    list.push_back(std::move(dependency));
  }
  return list;
}

Attestation make_provenance(const ProvenanceOptions& options, const BuildDescription& build,
                            const Graph& graph, const Target& target, const SolveResults& results) {
  return {std::string(kProvenancePredicate),
          Provenance(options, build, graph, target, results).text(), "provenance.json"};
}

}  // namespace slipway::builder
