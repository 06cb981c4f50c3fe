#pragma once

// Attestations in outputs: as manifests beside images, as files beside files.

#include <string>
#include <vector>

#include "builder/attest/attestation.h"
#include "builder/image/assemble.h"
#include "builder/layer/tree_view.h"
#include "registry/image_bundle.h"

namespace slipway::builder {

// Of each image of a bundle, in their order; empty where nothing is said.
using Attestations = std::vector<std::vector<Attestation>>;

// Adds the attestations of the bundle's images, whose platforms are `platforms`. With kIndexEntry
// a bundle without an index gets one, which takes over the names; `names` are those of the whole.
void attach(registry::ExportBundle& bundle, const Attestations& attestations,
            const std::vector<registry::Platform>& platforms,
            const std::vector<registry::Reference>& names, AttestationForm form);

// A statement on all regular files of an output, as a file in it.
struct StatementFile {
  std::string name;
  std::string content;
};
// How the files are called: `prefix` in front ("attestation-prefix="), and before the ending
// `platform` where several platforms share a folder ("provenance.linux_arm64.json"). kInput where
// the output has such a file of its own.
struct StatementNames {
  std::string prefix;
  std::string platform;
};
std::vector<StatementFile> statement_files(const TreeView& files,
                                           const std::vector<Attestation>& attestations,
                                           const StatementNames& names);

}  // namespace slipway::builder
