#include "builder/devices/cdi_spec.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

std::string error_of(std::string_view json) {
  try {
    parse_cdi_spec(json, CdiFormat::kJson, "f");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInput);
    return error.message();
  }
  return "none";
}

std::string with_edits(std::string_view edits) {
  return cat(R"({"cdiVersion":"0.5.0","kind":"v.example/c","devices":[{"name":"a",)",
             R"("containerEdits":)", edits, "}]}");
}

std::string with_devices(std::string_view devices) {
  return cat(R"({"cdiVersion":"0.5.0","kind":"v.example/c","devices":)", devices, "}");
}

TEST(CdiSpec, EveryMemberIsRead) {
  CdiSpec spec = parse_cdi_spec(R"({
    "cdiVersion": "1.0.0", "kind": "v.example/c", "annotations": {"x": "y"},
    "devices": [{"name": "0:a.b-c_d", "annotations": {"z": "w"}, "containerEdits": {
      "deviceNodes": [{"path": "/dev/a", "hostPath": "/dev/null", "type": "c", "major": 1,
                       "minor": 3, "fileMode": 438, "permissions": "rwm", "uid": 7, "gid": 8}],
      "mounts": [{"hostPath": "/h", "containerPath": "/c", "type": "bind", "options": ["ro"]}],
      "hooks": [{"hookName": "createContainer", "path": "/bin/h", "args": ["h", "x"],
                 "env": ["A=b"], "timeout": 3}],
      "additionalGids": [5]}}],
    "containerEdits": {"env": ["N=v", "EMPTY="], "intelRdt": {"closID": "x"}}})",
                                CdiFormat::kJson, "f");
  CdiSpec expected{.kind = "v.example/c", .annotations = {{"x", "y"}}};
  ContainerEdits edits;
  edits.device_nodes = {{.path = "/dev/a",
                         .host_path = "/dev/null",
                         .type = "c",
                         .major_number = 1,
                         .minor_number = 3,
                         .file_mode = 0666,
                         .permissions = "rwm",
                         .uid = 7,
                         .gid = 8}};
  edits.mounts = {{"/h", "/c", "bind", {"ro"}}};
  edits.hooks = {{"createContainer", "/bin/h", {"h", "x"}, {"A=b"}, 3}};
  edits.additional_gids = {5};
  expected.devices = {{"0:a.b-c_d", {{"z", "w"}}, edits}};
  expected.edits.environment = {"N=v", "EMPTY="};
  expected.edits.unsupported = {"intelRdt"};
  EXPECT_EQ(spec, expected);
}

TEST(CdiSpec, YamlSaysTheSame) {
  std::string_view yaml = R"(---
cdiVersion: 0.5.0
kind: v.example/c
containerEdits:
  env:
  - VISIBLE=void
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/a
      fileMode: 0640
)";
  std::string_view json = R"({"cdiVersion": "0.5.0", "kind": "v.example/c",
    "containerEdits": {"env": ["VISIBLE=void"]},
    "devices": [{"name": "0", "containerEdits": {"deviceNodes":
      [{"path": "/dev/a", "fileMode": 416}]}}]})";
  EXPECT_EQ(parse_cdi_spec(yaml, CdiFormat::kYaml, "f"),
            parse_cdi_spec(json, CdiFormat::kJson, "f"));
}

TEST(CdiSpec, NamesAreChecked) {
  for (const char* good : {"v.example/c", "a/b", "nvidia.com/gpu", "v-1_x.y/C.d"}) {
    EXPECT_TRUE(is_cdi_kind(good)) << good;
  }
  for (const char* bad : {"", "/", "a", "a/", "/b", "a/b/c", "-a/b", "a/b-", "a b/c", "a/b=c"}) {
    EXPECT_FALSE(is_cdi_kind(bad)) << bad;
  }
  EXPECT_TRUE(is_cdi_name("a/b=0"));
  EXPECT_TRUE(is_cdi_name("a/b=x:y"));
  for (const char* bad : {"a/b", "a/b=", "a/b=*", "a/b=x=y", "a/b=x/y", "/dev/null"}) {
    EXPECT_FALSE(is_cdi_name(bad)) << bad;
  }
  EXPECT_EQ(error_of(with_devices(R"([{"name":"a/b"}])")),
            "f: devices[0]: invalid device name \"a/b\"");
  EXPECT_EQ(error_of(with_devices(R"([{"name":"a"},{"name":"a"}])")),
            "f: devices[1]: there is another device \"a\"");
  EXPECT_EQ(error_of(with_devices("[]")), "f: there are no devices");
  EXPECT_EQ(error_of(R"({"cdiVersion":"0.5.0","kind":"x","devices":[]})"),
            "f: invalid kind \"x\": vendor.com/class is wanted");
}

TEST(CdiSpec, VersionsAreThoseThatThereAre) {
  auto with_version = [](std::string_view version) {
    return cat(R"({"cdiVersion":)", version, R"(,"kind":"a/b","devices":[{"name":"x"}]})");
  };
  EXPECT_EQ(error_of(with_version("\"0.3.0\"")), "none");
  EXPECT_EQ(error_of(with_version("\"v1.1.0\"")), "none");
  EXPECT_EQ(error_of(with_version("\"2.0.0\"")),
            "f: cdiVersion \"2.0.0\" is not known (0.1.0 to 1.1.0 are)");
  EXPECT_EQ(error_of(with_version("1")), "f: member \"cdiVersion\" is not text");
  EXPECT_EQ(error_of(R"({"kind":"a/b","devices":[{"name":"x"}]})"),
            "f: member \"cdiVersion\" is missing");
}

TEST(CdiSpec, WrongTypesAreToldWithTheirPlace) {
  EXPECT_EQ(error_of("[]"), "f: an object is wanted");
  EXPECT_EQ(error_of("7"), "f: an object is wanted");
  EXPECT_EQ(error_of(with_devices("{}")), "f: member \"devices\" is not a list");
  EXPECT_EQ(error_of(with_devices("[3]")), "f: devices[0]: an object is wanted");
  EXPECT_EQ(error_of(with_edits("[]")), "f: devices[0].containerEdits: an object is wanted");
  EXPECT_EQ(error_of(with_edits(R"({"env":"A=b"})")),
            "f: devices[0].containerEdits: member \"env\" is not a list");
  EXPECT_EQ(error_of(with_edits(R"({"env":["A"]})")),
            "f: devices[0].containerEdits: member \"env\": \"A\" is no NAME=VALUE");
  EXPECT_EQ(error_of(with_edits(R"({"env":["=b"]})")),
            "f: devices[0].containerEdits: member \"env\": \"=b\" is no NAME=VALUE");
  EXPECT_EQ(error_of(with_edits(R"({"env":["A=\u0000"]})")),
            "f: devices[0].containerEdits: member \"env\" has a NUL byte");
  EXPECT_EQ(error_of(with_edits(R"({"additionalGids":[-1]})")),
            "f: devices[0].containerEdits: member \"additionalGids\" is not a number from 0 to "
            "4294967295");
  EXPECT_EQ(error_of(with_edits(R"({"additionalGids":[1e99]})")).substr(0, 12), "f: devices[0");
  EXPECT_EQ(error_of(with_edits(R"({"surprise":1})")),
            "f: devices[0].containerEdits: unknown member \"surprise\"");
  EXPECT_EQ(error_of(with_edits(R"({"deviceNodes":[{"path":"/dev/a","type":"x"}]})")),
            "f: devices[0].containerEdits.deviceNodes[0]: unknown type of a device \"x\"");
  EXPECT_EQ(error_of(with_edits(R"({"deviceNodes":[{"path":"/dev/a","permissions":"rx"}]})")),
            "f: devices[0].containerEdits.deviceNodes[0]: unknown permissions \"rx\"");
  EXPECT_EQ(error_of(with_edits(R"({"hooks":[{"hookName":"never","path":"/h"}]})")),
            "f: devices[0].containerEdits.hooks[0]: unknown hook \"never\"");
}

TEST(CdiSpec, PathsLeadNowhereElse) {
  for (const char* path : {"", "dev/a", "/dev/../etc/shadow", "/..", "/a/.."}) {
    EXPECT_NE(error_of(with_edits(cat(R"({"deviceNodes":[{"path":")", path, R"("}]})"))), "none");
    EXPECT_NE(error_of(with_edits(
                  cat(R"({"mounts":[{"hostPath":"/h","containerPath":")", path, R"("}]})"))),
              "none");
    EXPECT_NE(error_of(with_edits(
                  cat(R"({"mounts":[{"containerPath":"/h","hostPath":")", path, R"("}]})"))),
              "none");
  }
  EXPECT_EQ(error_of(with_edits(R"({"deviceNodes":[{"path":"/dev/..a"}]})")), "none");
}

TEST(CdiSpec, HostileTextsEndWithAnError) {
  EXPECT_NE(error_of(""), "none");
  EXPECT_NE(error_of("{"), "none");
  EXPECT_NE(error_of(std::string(1 << 20, '[')), "none");
  EXPECT_NE(error_of(std::string(1 << 20, '{')), "none");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) {
    deep += R"({"a":)";
  }
  EXPECT_NE(error_of(deep), "none");
  std::string many;
  for (int i = 0; i < 2'000; ++i) {
    many += cat(i == 0 ? "" : ",", R"({"name":"d)", i, R"("})");
  }
  EXPECT_EQ(parse_cdi_spec(with_devices(cat("[", many, "]")), CdiFormat::kJson, "f").devices.size(),
            2'000U);
}

}  // namespace

}  // namespace slipway::builder
