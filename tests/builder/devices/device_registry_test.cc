#include "builder/devices/device_registry.h"

#include <fcntl.h>

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using Names = std::vector<std::string>;

class DeviceRegistryTest : public testing::Test {
 protected:
  DeviceRegistryTest() {
    base::ensure_directory(folder("low"));
    base::ensure_directory(folder("high"));
  }
  std::string folder(const std::string& name) const { return cat(scratch_.path(), "/", name); }
  void write(const std::string& path, std::string_view content) {
    base::Fd file = base::open_file(folder(path), O_WRONLY | O_CREAT | O_TRUNC);
    base::write_all(file, content, path);
  }
  // A file of devices; each has a variable that says which file it is from.
  void write_devices(const std::string& path, const std::string& kind, const Names& names) {
    std::string devices;
    for (const std::string& name : names) {
      devices += cat(devices.empty() ? "" : ",", R"({"name":")", name,
                     R"(","annotations":{"org.mobyproject.buildkit.device.class":"all"},)",
                     R"("containerEdits":{"env":["FROM=)", path, R"("]}})");
    }
    write(path, cat(R"({"cdiVersion":"0.6.0","kind":")", kind, R"(","devices":[)", devices,
                    R"(],"containerEdits":{"env":["FILE=)", path, R"("]}})"));
  }
  DeviceRegistry registry() const { return DeviceRegistry({folder("low"), folder("high")}); }

  Names chosen(const std::string& name) const { return registry().choose({{name, false}}).names; }

  base::Error error_of(const std::vector<DeviceRequest>& requests,
                       const DeviceAllowance& allowance) const {
    try {
      registry().choose_allowed(requests, allowance);
    } catch (const base::Error& error) {
      return error;
    }
    return {base::ErrorKind::kInternal, "none"};
  }

  base::TempDir scratch_{testing::TempDir(), "devices-"};
};

TEST_F(DeviceRegistryTest, RequestsNameOneAllOrTheFirst) {
  write_devices("low/a.json", "v.example/c", {"b", "a"});
  write_devices("low/b.json", "v.example/cc", {"x"});
  EXPECT_EQ(chosen("v.example/c=b"), (Names{"v.example/c=b"}));
  EXPECT_EQ(chosen("v.example/c=*"), (Names{"v.example/c=a", "v.example/c=b"}));
  EXPECT_EQ(chosen("v.example/c"), (Names{"v.example/c=a"}));
  EXPECT_EQ(chosen("v.example/c=all"), (Names{"v.example/c=a", "v.example/c=b"}));
  EXPECT_EQ(chosen("v.example/c=z"), Names());
  EXPECT_EQ(registry().choose({{"v.example/c=b", true}, {"v.example/c=*", true}}).names,
            (Names{"v.example/c=b", "v.example/c=a"}));
}

TEST_F(DeviceRegistryTest, OptionalOnesMayBeMissingRequiredOnesNot) {
  write_devices("low/a.json", "v.example/c", {"a"});
  write("high/broken.yaml", "cdiVersion: [\n");
  EXPECT_EQ(registry().choose({{"v.example/c=z", false}}).missing, (Names{"v.example/c=z"}));
  base::Error error = error_of({{"v.example/c=z", true}}, {.all = true});
  EXPECT_EQ(error.kind(), base::ErrorKind::kNotFound);
  EXPECT_TRUE(error.message().starts_with("required device \"v.example/c=z\" is not registered"));
  ASSERT_EQ(error.notes().size(), 2U);
  EXPECT_EQ(error.notes()[0], cat("looking for it in the .json and .yaml files of ", folder("low"),
                                  " and ", folder("high"), "; devices there: v.example/c=a"));
  EXPECT_TRUE(error.notes()[1].starts_with("left out: ")) << error.notes()[1];
  EXPECT_EQ(error_of({{"null", false}}, {}).message(), "invalid device \"null\"");
}

TEST_F(DeviceRegistryTest, LaterFoldersOverrideAndEqualFilesConflict) {
  write_devices("low/a.json", "v.example/c", {"a", "b"});
  write_devices("high/a.json", "v.example/c", {"a"});
  DeviceRegistry both = registry();
  std::vector<const ContainerEdits*> edits = both.edits_of({"v.example/c=a", "v.example/c=b"});
  ASSERT_EQ(edits.size(), 4U);
  EXPECT_EQ(edits[0]->environment, (Names{"FILE=high/a.json"}));
  EXPECT_EQ(edits[1]->environment, (Names{"FROM=high/a.json"}));
  EXPECT_EQ(edits[2]->environment, (Names{"FILE=low/a.json"}));
  EXPECT_EQ(edits[3]->environment, (Names{"FROM=low/a.json"}));
  write_devices("high/b.json", "v.example/c", {"a"});
  EXPECT_EQ(registry().names(), (Names{"v.example/c=b"}));
  base::Error error = error_of({{"v.example/c=a", true}}, {.all = true});
  EXPECT_TRUE(error.notes().back().contains("b.json describes it, and so does"))
      << error.notes().back();
}

TEST_F(DeviceRegistryTest, AFilesEditsComeOnceForAllItsDevices) {
  write_devices("low/a.json", "v.example/c", {"a", "b"});
  EXPECT_EQ(registry().edits_of({"v.example/c=a", "v.example/c=b"}).size(), 3U);
}

TEST_F(DeviceRegistryTest, OtherFilesAndFoldersCountForNothing) {
  write_devices("low/a.txt", "v.example/c", {"a"});
  base::ensure_directory(folder("low/sub.json"));
  EXPECT_EQ(DeviceRegistry({folder("low"), folder("absent")}).names(), Names());
}

TEST_F(DeviceRegistryTest, WhatIsNotAllowedIsRefused) {
  write_devices("low/a.json", "v.example/c", {"a", "b"});
  std::vector<DeviceRequest> both = {{"v.example/c=*", false}};
  base::Error error = error_of(both, {});
  EXPECT_EQ(error.message(),
            "devices v.example/c=a, v.example/c=b are requested by the build but not allowed");
  EXPECT_EQ(error_of(both, {.all = false, .names = {{"v.example/c=a", ""}}}).message(),
            "device v.example/c=b is requested by the build but not allowed");
  for (const DeviceAllowance& enough :
       {DeviceAllowance{.all = true}, DeviceAllowance{.names = {{"v.example/c=*", ""}}},
        DeviceAllowance{.names = {{"v.example/c=all", ""}}}}) {
    EXPECT_EQ(registry().choose_allowed(both, enough).names.size(), 2U);
  }
  // A missing one is nobody's to allow.
  EXPECT_EQ(registry().choose_allowed({{"v.example/c=z", false}}, {}).names, Names());
}

TEST_F(DeviceRegistryTest, AnAliasStandsForTheDeviceBehindIt) {
  write_devices("low/a.json", "v.example/c", {"a"});
  DeviceAllowance allowance{.names = {{"any.example/gpu=0", "v.example/c=a"}}};
  EXPECT_EQ(registry().choose_allowed({{"any.example/gpu=0", true}}, allowance).names,
            (Names{"v.example/c=a"}));
}

TEST_F(DeviceRegistryTest, AFileMayAllowItsDevicesToAll) {
  write("low/a.yaml", R"(
cdiVersion: 0.6.0
kind: v.example/c
annotations: {org.mobyproject.buildkit.device.autoallow: "true"}
devices: [{name: a}, {name: b, annotations: {org.mobyproject.buildkit.device.autoallow: "no"}}]
)");
  EXPECT_EQ(registry().choose_allowed({{"v.example/c=a", true}}, {}).names.size(), 1U);
  EXPECT_EQ(error_of({{"v.example/c=b", true}}, {}).message(),
            "device v.example/c=b is requested by the build but not allowed");
}

}  // namespace

}  // namespace slipway::builder
