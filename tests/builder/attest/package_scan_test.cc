#include "builder/attest/package_scan.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using tests::view_of;

// "dpkg bash 1 /var/lib/dpkg/status", a line each, then the notes.
std::string scanned(const std::vector<std::string_view>& layers) {
  PackageScan scan = scan_packages(*view_of(layers), {});
  std::string text;
  for (const Package& package : scan.packages) {
    text += base::cat(manager_of(package.kind), " ", package.name, " ", package.version, " ",
                      package.found_in, "\n");
  }
  for (const std::string& note : scan.notes) {
    text += base::cat("! ", note, "\n");
  }
  return text;
}

TEST(PackageScan, FindsEveryManager) {
  EXPECT_EQ(scanned({"f /var/lib/dpkg/status Package: bash\n"
                     "f /var/lib/dpkg/status.d/tz Package: tzdata\n"
                     "f /var/lib/dpkg/status.d/tz.md5sums Package: no\n"
                     "f /lib/apk/db/installed P:musl\n"
                     "f /app/node_modules/a/package.json {\"name\":\"a\",\"version\":\"1\"}\n"
                     "f /app/node_modules/@s/b/package.json {\"name\":\"@s/b\",\"version\":\"2\"}\n"
                     "f /app/node_modules/a/lib/package.json {\"name\":\"n\",\"version\":\"3\"}\n"
                     "f /app/package.json {\"name\":\"own\",\"version\":\"4\"}\n"
                     "f /usr/lib/python3/x-1.dist-info/METADATA Name: x\n"
                     "f /usr/lib/python3/y.egg-info/PKG-INFO Name: y\n"
                     "f /usr/lib/python3/z.egg-info Name: z\n"}),
            "apk musl  /lib/apk/db/installed\n"
            "dpkg bash  /var/lib/dpkg/status\n"
            "dpkg tzdata  /var/lib/dpkg/status.d/tz\n"
            "npm @s/b 2 /app/node_modules/@s/b/package.json\n"
            "npm a 1 /app/node_modules/a/package.json\n"
            "pip x  /usr/lib/python3/x-1.dist-info/METADATA\n"
            "pip y  /usr/lib/python3/y.egg-info/PKG-INFO\n"
            "pip z  /usr/lib/python3/z.egg-info\n");
}

TEST(PackageScan, SeesTheFilesOfAllLayersTogether) {
  EXPECT_EQ(scanned({"f /var/lib/dpkg/status Package: old\nf /lib/apk/db/installed P:gone\n",
                     "f /var/lib/dpkg/status Package: new\nw /lib/apk"}),
            "dpkg new  /var/lib/dpkg/status\n");
}

TEST(PackageScan, TellsAPackageOnce) {
  EXPECT_EQ(scanned({"f /a/node_modules/x/package.json {\"name\":\"x\",\"version\":\"1\"}\n"
                     "f /b/node_modules/x/package.json {\"name\":\"x\",\"version\":\"1\"}\n"
                     "f /c/node_modules/x/package.json {\"name\":\"x\",\"version\":\"2\"}\n"}),
            "npm x 1 /a/node_modules/x/package.json\nnpm x 2 /c/node_modules/x/package.json\n");
}

TEST(PackageScan, FollowsNoLinks) {
  EXPECT_EQ(scanned({"l /var/lib/dpkg/status /status\nf /status Package: a\n"
                     "l /lib/apk/db/installed installed\nl /etc/os-release os-release\n"}),
            "");
}

TEST(PackageScan, NotesWhatItCantRead) {
  EXPECT_EQ(scanned({"f /var/lib/rpm/Packages x\nf /usr/lib/sysimage/rpm/rpmdb.sqlite junk\n"}),
            "! /usr/lib/sysimage/rpm/rpmdb.sqlite: the database is damaged: file is not a "
            "database\n"
            "! /var/lib/rpm/Packages: a form of rpm's database that can't be read; packages of rpm "
            "are missing\n");
  std::string large = base::cat("f /a.egg-info ", std::string(kScanSmallFileBytesMax + 1, 'x'));
  EXPECT_EQ(scanned({large}),
            base::cat("! /a.egg-info: too large (", kScanSmallFileBytesMax + 1, " bytes)\n"));
}

TEST(PackageScan, KnowsTheDistribution) {
  EXPECT_EQ(scan_packages(*view_of({"f /usr/lib/os-release ID=debian\n"
                                    "l /etc/os-release ../usr/lib/os-release"}),
                          {})
                .distribution.id,
            "debian");
}

}  // namespace
}  // namespace slipway::builder
