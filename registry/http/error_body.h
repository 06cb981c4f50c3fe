#pragma once

#include <string>
#include <string_view>

namespace slipway::registry {

// The words of a registry's or token server's error answer, for people: "MANIFEST_UNKNOWN: manifest
// unknown" of {"errors":[…]}, what OAuth2 servers say, else the first line of a short plain text.
// Printable characters only. Empty where there is nothing to be shown (HTML, binary, nothing).
std::string registry_words(std::string_view body);

}  // namespace slipway::registry
