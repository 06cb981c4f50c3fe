#pragma once

#include <string>

#include "base/time.h"
#include "builder/attest/attestation.h"
#include "builder/attest/package_scan.h"

namespace slipway::builder {

// What the document says of the image itself.
struct SbomSubject {
  std::string name;         // of the image; "image" where it has none
  base::Timestamp created;  // of the image: the document of an image is always the same
};

// SPDX 2.3, as JSON. One package for each of the scan's, contained in one for the image. Pure: the
// same packages give the same bytes.
Attestation make_sbom(const PackageScan& scan, const SbomSubject& subject);

}  // namespace slipway::builder
