#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::builder {

// What a package says of its licence, as SPDX has it (SPDX 2.3, annex D).
struct SpdxLicence {
  std::string expression;  // "NOASSERTION" where nothing is said
  // Texts that are no expression of names that SPDX knows: the expression is then
  // "LicenseRef-<id>".
  struct Reference {
    std::string id;
    std::string text;
  };
  std::vector<Reference> references;
};
SpdxLicence spdx_licence(std::string_view text);

}  // namespace slipway::builder
