#include "builder/attest/attestation.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "builder/attest/package.h"
#include "registry/oci/image_config.h"
#include "registry/oci/manifest.h"

namespace slipway::builder {

namespace {

using base::cat;
using nlohmann::json;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kStatementMediaType = "application/vnd.in-toto+json";
constexpr std::string_view kArtifactType = "application/vnd.docker.attestation.manifest.v1+json";
constexpr std::string_view kPredicateAnnotation = "in-toto.io/predicate-type";
constexpr std::string_view kEmptyJson = "{}";

registry::Descriptor described(std::string_view media_type, std::string_view bytes) {
  return {std::string(media_type), base::sha256_of(bytes), static_cast<std::int64_t>(bytes.size())};
}

registry::ExportBlob statement_blob(const Attestation& attestation,
                                    const std::vector<Subject>& subjects) {
  std::string bytes = statement_of(attestation, subjects);
  registry::Descriptor descriptor = described(kStatementMediaType, bytes);
  descriptor.annotations[std::string(kPredicateAnnotation)] = attestation.predicate_type;
  return {std::move(descriptor),
          [bytes = std::move(bytes)] { return std::make_unique<base::StringSource>(bytes); }};
}

// BuildKit's older form, which every reader of attestations in indexes knows: an image of no
// platform.
std::string unknown_image(const std::vector<registry::ExportBlob>& statements) {
  registry::ImageConfig config;
  config.platform.os = "unknown";
  config.platform.architecture = "unknown";
  for (const registry::ExportBlob& blob : statements) {
    config.diff_ids.emplace_back(blob.descriptor.digest);
  }
  return registry::serialise(config);
}

}  // namespace

std::string statement_of(const Attestation& attestation, const std::vector<Subject>& subjects) {
  json list = json::array();
  for (const Subject& subject : subjects) {
    list.push_back({{"name", subject.name},
                    {"digest", {{std::string(subject.digest.algorithm()), subject.digest.hex()}}}});
  }
  return base::dump_json({{"_type", kStatementType},
                          {"predicateType", attestation.predicate_type},
                          {"subject", std::move(list)},
                          {"predicate", base::parse_json(attestation.predicate, "the predicate")}});
}

std::string purl_of(const registry::Reference& name, const registry::Platform& platform) {
  registry::Reference tagged = name.with_default_tag();
  std::string version = tagged.tag()      ? *tagged.tag()
                        : tagged.digest() ? tagged.digest()->text()
                                          : "";
  return cat("pkg:docker/", purl_encode(tagged.familiar_name(), "/"),
             version.empty() ? "" : cat("@", purl_encode(version)),
             tagged.tag() && tagged.digest()
                 ? cat("?digest=", purl_encode(tagged.digest()->text()), "&")
                 : "?",
             "platform=", purl_encode(platform.text()));
}

registry::ExportImage attestation_manifest(const std::vector<Attestation>& attestations,
                                           const std::vector<Subject>& subjects,
                                           const registry::Descriptor& image,
                                           AttestationForm form) {
  registry::ExportImage result;
  registry::Manifest manifest{.media_type = std::string(registry::media_types::kOciManifest),
                              .artifact_type = {},
                              .config = described(registry::media_types::kOciEmpty, kEmptyJson),
                              .layers = {},
                              .subject = std::nullopt,
                              .annotations = {}};
  for (const Attestation& attestation : attestations) {
    result.layers.push_back(statement_blob(attestation, subjects));
    manifest.layers.push_back(result.layers.back().descriptor);
  }
  if (form == AttestationForm::kReferrer) {
    result.config = kEmptyJson;
    manifest.artifact_type = kArtifactType;
    manifest.subject = registry::Descriptor{image.media_type, image.digest, image.size};
  } else {
    result.config = unknown_image(result.layers);
    manifest.config = described(registry::media_types::kOciConfig, result.config);
  }
  result.manifest = {registry::serialise(manifest), manifest.media_type};
  return result;
}

registry::Descriptor attestation_entry(const registry::ExportImage& attestation,
                                       const base::Digest& image, AttestationForm form) {
  registry::Descriptor entry =
      described(attestation.manifest.media_type, attestation.manifest.bytes);
  entry.platform = registry::Platform{};
  entry.platform->os = "unknown";
  entry.platform->architecture = "unknown";
  entry.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  entry.annotations["vnd.docker.reference.digest"] = image.text();
  if (form == AttestationForm::kReferrer) {
    entry.artifact_type = kArtifactType;
  }
  return entry;
}

}  // namespace slipway::builder
