#pragma once

// Finds the databases of package managers in the files of an image, and reads them.

#include <stop_token>
#include <string>
#include <vector>

#include "builder/attest/package.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

struct PackageScan {
  std::vector<Package> packages;  // sorted, each once
  Distribution distribution;
  // What could not be read and why, for people: "/var/lib/rpm/Packages: ...".
  std::vector<std::string> notes;
};

// Looks at names only, but for the databases themselves; nothing is mounted or unpacked, links are
// not followed. Files are a stranger's: what is damaged or beyond the limits becomes a note. Throws
// what the view throws, and kCancelled.
PackageScan scan_packages(const TreeView& files, const std::stop_token& stop);

// Limits on what an image can make us do. Each is far beyond any real image.
inline constexpr std::size_t kScanDatabaseBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kScanLockBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kScanSmallFileBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kScanPackagesMax = 500'000;
inline constexpr std::size_t kScanNotesMax = 20;

}  // namespace slipway::builder
