#pragma once

// What is said of an image and kept beside it: where it comes from (provenance), what is in it
// (SBOM). Each is an in-toto statement: subjects, the type of a predicate, the predicate.

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "registry/image_bundle.h"
#include "registry/oci/descriptor.h"

namespace slipway::builder {

inline constexpr std::string_view kProvenancePredicate = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view kSpdxPredicate = "https://spdx.dev/Document";

// All that is said of one image, but for the name and digest under which it is found, which only
// outputs know.
struct Attestation {
  std::string predicate_type;
  std::string predicate;  // JSON
  std::string file_name;  // in outputs that are files: "provenance.json"
};

struct Subject {
  std::string name;  // a package URL, or a path
  base::Digest digest;
};

// in-toto Statement v1, as JSON: https://in-toto.io/Statement/v1
std::string statement_of(const Attestation& attestation, const std::vector<Subject>& subjects);

// "pkg:docker/NAME@TAG?platform=linux%2Famd64": a tagged name as a subject or a dependency.
std::string purl_of(const registry::Reference& name, const registry::Platform& platform);

// How an image and its attestations are tied together.
//   kReferrer    the manifest of the attestations has the image's as its subject: OCI image-spec
//                1.1; the image stays what it would be without
//   kIndexEntry  an index names both, as BuildKit writes it
enum class AttestationForm { kReferrer, kIndexEntry };

// The manifest that holds the statements on one image, with their bytes. Precondition: at least one
// attestation.
registry::ExportImage attestation_manifest(const std::vector<Attestation>& attestations,
                                           const std::vector<Subject>& subjects,
                                           const registry::Descriptor& image, AttestationForm form);
// Its entry in an index beside the image's (kIndexEntry), or in a layout's index.json (kReferrer).
registry::Descriptor attestation_entry(const registry::ExportImage& attestation,
                                       const base::Digest& image, AttestationForm form);

}  // namespace slipway::builder
