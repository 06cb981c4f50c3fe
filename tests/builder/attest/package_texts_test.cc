#include "builder/attest/package_texts.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::builder {
namespace {

// "name version licence [source]" of each, a line each.
std::string told(const std::vector<Package>& packages) {
  std::string text;
  for (const Package& package : packages) {
    text += base::cat(package.name, " ", package.version, " ", package.licence,
                      package.source.empty() ? "" : base::cat(" [", package.source, "]"), "\n");
  }
  return text;
}

TEST(DpkgStatus, GivesWhatIsInstalled) {
  std::vector<Package> packages = parse_dpkg_status(
      "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n"
      "Description: a shell\n with a second line: of prose\nMaintainer: M <m@example.com>\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: libc6\nSource: glibc (2.36)\nVersion: 2.36\n");
  EXPECT_EQ(told(packages), "bash 5.2-1 \nlibc6 2.36  [glibc (2.36)]\n");
  EXPECT_EQ(packages[0].architecture, "amd64");
  EXPECT_EQ(packages[0].supplier, "M <m@example.com>");
}

TEST(DpkgStatus, PassesOverWhatIsNoField) {
  EXPECT_EQ(told(parse_dpkg_status("no colon\n: no name\nPackage: a\r\n\tmore\n\n\n\nVersion: 1")),
            "a  \n");
  EXPECT_EQ(told(parse_dpkg_status("")), "");
}

TEST(DpkgStatus, FieldsHaveALimit) {
  std::string text = "Package: " + std::string(100'000, 'x') + "\n";
  EXPECT_EQ(parse_dpkg_status(text).at(0).name.size(), kPackageFieldBytesMax);
}

TEST(ApkInstalled, GivesEveryEntry) {
  EXPECT_EQ(told(parse_apk_installed("C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n"
                                     "m:M <m@e.org>\nF:lib\nR:ld.so\n\nP:zlib\nV:1.3\nL:Zlib\n")),
            "musl 1.2.5-r0 MIT [musl]\nzlib 1.3 Zlib\n");
  EXPECT_EQ(told(parse_apk_installed("V:1\n\nx\nP\n")), "");
}

TEST(PythonMetadata, EndsWithTheHeader) {
  EXPECT_EQ(told(parse_python_metadata("Metadata-Version: 2.1\nName: Requests\nVersion: 2.31\n"
                                       "License: Apache-2.0\n\nName: not-a-package\n")),
            "Requests 2.31 Apache-2.0\n");
}

TEST(PythonMetadata, FindsTheLicenceInClassifiers) {
  EXPECT_EQ(told(parse_python_metadata("Name: a\nVersion: 1\nLicense: UNKNOWN\n"
                                       "Classifier: Topic :: X\n"
                                       "Classifier: License :: OSI Approved :: MIT License\n")),
            "a 1 MIT License\n");
}

TEST(PackageJson, NeedsNameAndVersion) {
  EXPECT_EQ(told(parse_package_json(R"({"name":"@a/b","version":"1.0.0","license":"MIT"})")),
            "@a/b 1.0.0 MIT\n");
  EXPECT_EQ(told(parse_package_json(R"({"name":"a","version":"1","license":{"type":"ISC"}})")),
            "a 1 ISC\n");
  EXPECT_EQ(told(parse_package_json(
                R"({"name":"a","version":"1","licenses":[{"type":"MIT"},3,{"type":"ISC"}]})")),
            "a 1 MIT OR ISC\n");
  EXPECT_EQ(told(parse_package_json(R"({"type":"module"})")), "");
  EXPECT_EQ(told(parse_package_json(R"({"name":1,"version":[]})")), "");
}

TEST(PackageJson, IsAnybodysBytes) {
  for (std::string text :
       {"", "[]", "{", "null", "\xff\xfe", "{\"name\":\"a\",\"version\":\"1\""}) {
    EXPECT_EQ(told(parse_package_json(text)), "") << text;
  }
  EXPECT_EQ(told(parse_package_json(std::string(100'000, '['))), "");
  std::string deep =
      R"({"name":"a","version":"1","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_EQ(told(parse_package_json(deep)), "");
}

TEST(PackageLock, OfAnyVersionWithoutDevelopment) {
  EXPECT_EQ(told(parse_package_lock(
                R"({"lockfileVersion":3,"packages":{"":{"version":"9"},
                    "node_modules/a":{"version":"1","license":"MIT"},
                    "node_modules/a/node_modules/@s/b":{"version":"2"},
                    "node_modules/t":{"version":"3","dev":true},
                    "node_modules/l":{"link":true,"version":"4"},
                    "node_modules/alias":{"name":"real","version":"5"},
                    "packages/own":{"version":"6"}}})")),
            "a 1 MIT\n@s/b 2 \nreal 5 \n");
  EXPECT_EQ(told(parse_package_lock(
                R"({"dependencies":{"a":{"version":"1","dependencies":{"b":{"version":"2"}}},
                    "t":{"version":"3","dev":true},"odd":7}})")),
            "a 1 \nb 2 \n");
}

}  // namespace
}  // namespace slipway::builder
