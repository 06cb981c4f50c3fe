#pragma once

// The software in an image, as the databases of package managers name it.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::builder {

enum class PackageKind { kDebian, kAlpine, kRpm, kNpm, kPython };

// What one entry of a database says. Texts are as the image has them: any bytes, but never longer
// than kPackageFieldBytesMax. Members that nobody gave are empty.
struct Package {
  PackageKind kind = PackageKind::kDebian;
  std::string name;     // npm: with its scope
  std::string version;  // rpm: version and release
  std::string architecture;
  std::string epoch;     // rpm
  std::string source;    // the package that it was built from
  std::string licence;   // as written
  std::string supplier;  // who packed it
  std::string homepage;
  std::string found_in;  // the file of the image

  friend bool operator==(const Package&, const Package&) = default;
  friend auto operator<=>(const Package&, const Package&) = default;
};

inline constexpr std::size_t kPackageFieldBytesMax = 4096;

// The distribution of an image: ID and VERSION_ID of its os-release.
struct Distribution {
  std::string id;
  std::string version;
};
Distribution parse_os_release(std::string_view text);

// The package's URL (package-url specification): "pkg:deb/debian/zlib1g@1.2.13?arch=amd64&distro=
// debian-12". A type whose distribution is not known has no namespace.
std::string purl_of(const Package& package, const Distribution& distribution);

// Percent-encoding as package URLs have it: all but letters, digits and ".-_~:", and those of
// `keep`.
std::string purl_encode(std::string_view text, std::string_view keep = "");

// "dpkg", "apk", "rpm", "npm", "pip".
std::string_view manager_of(PackageKind kind);

}  // namespace slipway::builder
