#include "builder/attest/package.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

Package package_of(PackageKind kind, std::string name) {
  return {.kind = kind, .name = std::move(name), .version = "1:2~3", .architecture = "amd64"};
}

TEST(Purl, NamesTypeDistributionAndQualifiers) {
  Distribution debian{"debian", "12"};
  EXPECT_EQ(purl_of(package_of(PackageKind::kDebian, "libstdc++6"), debian),
            "pkg:deb/debian/libstdc%2B%2B6@1:2~3?arch=amd64&distro=debian-12");
  EXPECT_EQ(purl_of(package_of(PackageKind::kAlpine, "musl"), {}), "pkg:apk/musl@1:2~3?arch=amd64");
  Package rpm = package_of(PackageKind::kRpm, "GConf");
  rpm.epoch = "2";
  EXPECT_EQ(purl_of(rpm, {"fedora", ""}),
            "pkg:rpm/fedora/GConf@1:2~3?arch=amd64&distro=fedora&epoch=2");
}

TEST(Purl, OfLanguagesKnowsNoDistribution) {
  Distribution debian{"debian", "12"};
  Package npm{.kind = PackageKind::kNpm, .name = "@scope/x", .version = "1.0"};
  EXPECT_EQ(purl_of(npm, debian), "pkg:npm/%40scope/x@1.0");
  Package python{.kind = PackageKind::kPython, .name = "My_Pkg", .version = ""};
  EXPECT_EQ(purl_of(python, debian), "pkg:pypi/my-pkg");
}

TEST(Purl, EncodesWhateverANameHas) {
  Package odd{.kind = PackageKind::kNpm, .name = "a?b#c/d e\n\xff", .version = "@"};
  EXPECT_EQ(purl_of(odd, {}), "pkg:npm/a%3Fb%23c/d%20e%0A%FF@%40");
}

TEST(OsRelease, IsReadWithItsQuotes) {
  Distribution found = parse_os_release("NAME=\"X\"\n ID='Alpine'\nVERSION_ID=\"3.20\"\nID_LIKE=y");
  EXPECT_EQ(found.id, "alpine");
  EXPECT_EQ(found.version, "3.20");
  EXPECT_EQ(parse_os_release("\n=\nID").id, "");
}

}  // namespace
}  // namespace slipway::builder
