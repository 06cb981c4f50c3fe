#include "builder/attest/sbom.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::builder {
namespace {

using nlohmann::json;

PackageScan scan_of(std::vector<Package> packages) {
  return {.packages = std::move(packages), .distribution = {"debian", "12"}, .notes = {}};
}

json document_of(const PackageScan& scan) {
  Attestation sbom = make_sbom(scan, {"app:1", {1000, 5}});
  EXPECT_EQ(sbom.predicate_type, "https://spdx.dev/Document");
  return json::parse(sbom.predicate);
}

TEST(Sbom, HasAPackageForEachAndOneForTheImage) {
  json document = document_of(scan_of({{.kind = PackageKind::kDebian,
                                        .name = "bash",
                                        .version = "5.2",
                                        .architecture = "amd64",
                                        .licence = "odd licence",
                                        .supplier = "M <m@example.com>",
                                        .homepage = "javascript:x",
                                        .found_in = "/var/lib/dpkg/status"},
                                       {.kind = PackageKind::kNpm, .name = "x", .version = "1"}}));
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(document["creationInfo"]["created"], "1970-01-01T00:16:40Z");
  ASSERT_EQ(document["packages"].size(), 3U);
  const json& bash = document["packages"][1];
  EXPECT_EQ(bash["versionInfo"], "5.2");
  EXPECT_EQ(bash["supplier"], "Organization: M (m@example.com)");
  EXPECT_EQ(bash["externalRefs"][0]["referenceLocator"],
            "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12");
  EXPECT_FALSE(bash.contains("homepage"));
  EXPECT_EQ(bash["licenseDeclared"], document["hasExtractedLicensingInfos"][0]["licenseId"]);
  EXPECT_EQ(document["relationships"].size(), 3U);
}

TEST(Sbom, IdsAreUniqueWhateverNamesAre) {
  std::vector<Package> packages;
  const std::vector<std::string> names = {"a b", "a-b", "a\nb", "a\xff", std::string(300, 'x'),
                                          "\"}"};
  for (const std::string& name : names) {
    packages.push_back({.kind = PackageKind::kNpm, .name = name, .version = "1"});
  }
  std::set<std::string> ids;
  json document = document_of(scan_of(packages));
  for (const json& package : document["packages"]) {
    std::string id = package["SPDXID"];
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.-"),
              std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), packages.size() + 1);
}

TEST(Sbom, IsNamedByItsContent) {
  PackageScan one = scan_of({{.kind = PackageKind::kNpm, .name = "a", .version = "1"}});
  PackageScan two = scan_of({{.kind = PackageKind::kNpm, .name = "a", .version = "2"}});
  EXPECT_EQ(make_sbom(one, {"n", {}}).predicate, make_sbom(one, {"n", {}}).predicate);
  EXPECT_NE(document_of(one)["documentNamespace"], document_of(two)["documentNamespace"]);
}

TEST(Sbom, SaysWhatIsMissing) {
  PackageScan scan;
  scan.notes = {"/x: damaged"};
  EXPECT_EQ(document_of(scan)["comment"], "Not all could be read. /x: damaged");
}

}  // namespace
}  // namespace slipway::builder
