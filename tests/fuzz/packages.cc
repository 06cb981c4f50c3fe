#include "builder/attest/licences.h"
#include "builder/attest/package_texts.h"
#include "builder/attest/rpm_database.h"
#include "builder/attest/sbom.h"
#include "tests/fuzz/fuzz.h"

// One input for every database of packages: what comes out of any of them makes a document whose
// members are within their limits.

namespace {

namespace builder = slipway::builder;
using slipway::tests::require;

void check(std::vector<builder::Package> packages) {
  for (const builder::Package& package : packages) {
    require(!package.name.empty() && package.name.size() <= builder::kPackageFieldBytesMax);
    require(package.version.size() <= 2 * builder::kPackageFieldBytesMax + 1);
    require(!builder::spdx_licence(package.licence).expression.empty());
    require(builder::purl_of(package, {"debian", "12"}).find_first_of(" \n\"<>") ==
            std::string::npos);
  }
  builder::PackageScan scan;
  scan.packages = std::move(packages);
  require(builder::make_sbom(scan, {"image", {}}).predicate.starts_with('{'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = slipway::tests::input_text(data, size);
  check(builder::parse_dpkg_status(text));
  check(builder::parse_apk_installed(text));
  check(builder::parse_python_metadata(text));
  check(builder::parse_package_json(text));
  check(builder::parse_package_lock(text));
  if (auto package = builder::parse_rpm_header(text)) {
    check({*package});
  }
  check(builder::read_rpm_database(std::string(text), {}).packages);
  builder::parse_os_release(text);
  builder::spdx_licence(text);
  return 0;
}
