#include "builder/attestations.h"

#include "base/fs.h"
#include "base/text.h"
#include "builder/attest/package_scan.h"
#include "builder/attest/sbom.h"
#include "builder/layer/layer_store.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::size_t kInvocationIdBytes = 16;

// Why an output has no place for attestations; empty where it has one.
std::string_view obstacle(const Output& output) {
  switch (output.kind) {
    case Output::Kind::kDocker:
      return "archives for 'docker load' have no place for attestations: left out";
    case Output::Kind::kImage:
    case Output::Kind::kCacheOnly:
    case Output::Kind::kRegistry:
    case Output::Kind::kOci:
    case Output::Kind::kLocal:
    case Output::Kind::kTar:
      break;
  }
  return "";
}

bool is_wanted(const BuildRequest& request, const BuildServices& services) {
  if (!request.attest.provenance && !request.attest.sbom) {
    return false;
  }
  bool wanted = false;
  for (const Output& output : request.outputs) {
    std::string_view text = obstacle(output);
    if (!text.empty()) {
      services.events(Warned{std::string(text)});
    }
    wanted = wanted || (text.empty() && output.kind != Output::Kind::kCacheOnly);
  }
  return wanted;
}

BuildDescription describe(const BuildRequest& request, const BuildServices& services,
                          base::Timestamp started) {
  // Where it lies on this machine is nobody's business.
  bool is_elsewhere = request.dockerfile_name.starts_with('/');
  std::size_t name_start = is_elsewhere ? request.dockerfile_name.rfind('/') + 1 : 0;
  BuildDescription build{.dockerfile_name = request.dockerfile_name.substr(name_start),
                         .dockerfile_text = request.dockerfile_text.value_or(""),
                         .context = request.context.source,
                         .has_local_context = false,
                         .target = request.plan.target,
                         .build_args = request.plan.build_args,
                         .labels = request.plan.labels,
                         .contexts = {},
                         .secret_ids = {},
                         .ssh_ids = {},
                         .builder_platform = request.plan.build_platform,
                         .started = started,
                         .finished = services.clock->now(),
                         .invocation_id = base::random_hex(kInvocationIdBytes)};
  using Kind = ContextInput::Kind;
  build.has_local_context =
      request.context.kind == Kind::kDirectory || request.context.kind == Kind::kTar;
  for (const auto& [name, context] : request.plan.contexts) {
    bool is_local = context.kind == BuildContext::Kind::kLocal;
    build.has_local_context = build.has_local_context || is_local;
    build.contexts[name] = is_local ? "local" : context.text;  // not where it lies
  }
  for (const auto& [id, value] : request.exec.secrets) {
    build.secret_ids.push_back(id);
  }
  for (const auto& [id, socket] : request.exec.ssh_sockets) {
    build.ssh_ids.push_back(id);
  }
  return build;
}

Attestation sbom_of(const BuildRequest& request, const BuildServices& services,
                    const AssembledImage& image, const std::stop_token& stop) {
  PackageScan scan =
      base::noting([&] { return cat("listing the packages of the image"); },
                   [&] { return scan_packages(*services.layers->view(image.layers, stop), stop); });
  for (const std::string& note : scan.notes) {
    services.events(Warned{cat("SBOM: ", note)});
  }
  std::string name =
      request.tags.empty() ? "image" : request.tags.front().with_default_tag().familiar();
  return make_sbom(scan, {name, image.config.created.value_or(base::Timestamp{})});
}

}  // namespace

Attestations make_attestations(const BuildRequest& request, const BuildServices& services,
                               const AttestedBuild& build, const std::stop_token& stop) {
  if (!is_wanted(request, services)) {
    return {};
  }
  Attestations all;
  BuildDescription description = describe(request, services, build.started);
  for (std::size_t i = 0; i < build.images.size(); ++i) {
    std::vector<Attestation> attestations;
    if (request.attest.provenance) {
      attestations.push_back(make_provenance(*request.attest.provenance, description, build.graph,
                                             build.graph.targets[i], build.results));
    }
    if (request.attest.sbom) {
      attestations.push_back(sbom_of(request, services, build.images[i], stop));
    }
    all.push_back(std::move(attestations));
  }
  return all;
}

}  // namespace slipway::builder
