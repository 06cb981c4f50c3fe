#pragma once

#include <string>
#include <vector>

#include "builder/build.h"
#include "cmd/flags.h"

namespace slipway::cmd {

// What is to be said of a built image, as flags say it.
struct AttestFlags {
  std::string provenance;            // --provenance; "true" where no value was given
  std::string sbom;                  // --sbom
  std::vector<std::string> attests;  // --attest
  std::string form;                  // --attest-as
};

void declare_attest_flags(Flags& flags, AttestFlags& into);

// kUsage for values that nobody knows, for generators of SBOMs that would have to be run, and for
// outputs that can't carry what is asked for: Docker's own media types have no attestations.
builder::AttestRequest attest_request(const AttestFlags& flags,
                                      const std::vector<builder::Output>& outputs);

}  // namespace slipway::cmd
