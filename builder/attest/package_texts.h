#pragma once

// Databases of packages that are text. Pure functions from what a stranger's image holds: whatever
// the bytes are, the result is the packages that could be made out, and nothing is thrown.

#include <string_view>
#include <vector>

#include "builder/attest/package.h"

namespace slipway::builder {

// dpkg's status, or a file of status.d: packages whose status is "installed" (or not said).
std::vector<Package> parse_dpkg_status(std::string_view text);

// apk's lib/apk/db/installed.
std::vector<Package> parse_apk_installed(std::string_view text);

// METADATA of a *.dist-info, PKG-INFO of a *.egg-info, or such a file itself: at most one package.
std::vector<Package> parse_python_metadata(std::string_view text);

// An installed package's package.json: at most one package. A file without a version is none (a
// part of a package may have one that only says how it is loaded).
std::vector<Package> parse_package_json(std::string_view text);

// package-lock.json of any version, without what is needed for development only.
std::vector<Package> parse_package_lock(std::string_view text);

}  // namespace slipway::builder
