#include "builder/devices/apply_edits.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::builder {

namespace {

using base::ImagePath;

void apply(const ContainerEdits& edits, SandboxSpec& spec) {
  apply_edits({&edits}, "v.example/c=a", spec);
}

std::string error_of(const ContainerEdits& edits) {
  SandboxSpec spec;
  try {
    apply(edits, spec);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.notes(), (std::vector<std::string>{"adding the device v.example/c=a"}));
    return error.message();
  }
  return "none";
}

TEST(ApplyEdits, VariablesAndGroupsAreAddedOrReplaced) {
  SandboxSpec spec;
  spec.environment = {"PATH=/bin", "A=old"};
  spec.user.groups = {5};
  ContainerEdits edits;
  edits.environment = {"A=new", "B=c"};
  edits.additional_gids = {0, 5, 6};
  apply(edits, spec);
  EXPECT_EQ(spec.environment, (std::vector<std::string>{"PATH=/bin", "A=new", "B=c"}));
  EXPECT_EQ(spec.user.groups, (std::vector<gid_t>{5, 6}));
}

TEST(ApplyEdits, WhatANodeLeavesOutIsTheMachines) {
  SandboxSpec spec;
  spec.user.uid = 7;
  ContainerEdits edits;
  edits.device_nodes = {{.path = "/dev/thing", .host_path = "/dev/null", .gid = 9}};
  apply(edits, spec);
  const auto& mount = std::get<DeviceMount>(spec.mounts.at(0));
  EXPECT_EQ(mount.source, "/dev/null");
  EXPECT_EQ(mount.target, ImagePath::clean("/dev/thing"));
  EXPECT_EQ(mount.type, mode_t{S_IFCHR});
  EXPECT_EQ(mount.major_number, 1U);
  EXPECT_EQ(mount.minor_number, 3U);
  EXPECT_EQ(mount.mode, mode_t{0666});
  EXPECT_EQ(mount.uid, 7U);
  EXPECT_EQ(mount.gid, 9U);
}

TEST(ApplyEdits, MountsKeepTheirOptions) {
  SandboxSpec spec;
  spec.mounts.push_back(TmpfsMount{.target = ImagePath::clean("/c")});
  ContainerEdits edits;
  edits.mounts = {{"/etc", "/c", "", {"ro", "nosuid", "rbind", "rprivate"}},
                  {"tmpfs", "/t", "tmpfs", {"mode=755", "nodev"}}};
  apply(edits, spec);
  ASSERT_EQ(spec.mounts.size(), 2U);
  const auto& bind = std::get<BindMount>(spec.mounts[0]);
  EXPECT_EQ(bind.source, "/etc");
  EXPECT_EQ(bind.access, Access::kReadOnly);
  EXPECT_EQ(bind.attributes, std::uint64_t{MOUNT_ATTR_NOSUID});
  EXPECT_EQ(std::get<TmpfsMount>(spec.mounts[1]).mode, mode_t{0755});
}

TEST(ApplyEdits, HooksAreForARuntime) {
  ContainerEdits edits;
  edits.hooks = {{.name = "createContainer", .path = "/bin/hook"}};
  EXPECT_EQ(error_of(edits),
            "the device has the hook /bin/hook (createContainer), a program that an OCI runtime "
            "has to call");
  SandboxSpec spec;
  spec.runtime.emplace();
  apply(edits, spec);
  EXPECT_EQ(spec.runtime->hooks.at(0).path, "/bin/hook");
}

TEST(ApplyEdits, WhatCannotBeDoneIsSaid) {
  ContainerEdits edits;
  edits.device_nodes = {{.path = "/dev/no-such-device"}};
  EXPECT_EQ(error_of(edits), "there is no device /dev/no-such-device on this machine");
  edits.device_nodes = {{.path = "/dev/a", .host_path = "/etc/passwd"}};
  EXPECT_EQ(error_of(edits), "/etc/passwd is no device");
  edits.device_nodes = {{.path = "/dev/null", .permissions = "r"}};
  EXPECT_EQ(error_of(edits),
            "the device node /dev/null has the permissions \"r\", and fewer than reading and "
            "writing can't be enforced");
  edits = {};
  edits.mounts = {{"/etc", "/c", "nfs", {}}};
  EXPECT_EQ(error_of(edits), "the mount at /c is of the type \"nfs\"; bind and tmpfs are known");
  edits.mounts = {{"/etc", "/c", "bind", {"idmap"}}};
  EXPECT_EQ(error_of(edits), "the mount at /c has the option \"idmap\", which is not known");
  edits.mounts = {{"/no/such/place", "/c", "bind", {}}};
  EXPECT_EQ(error_of(edits), "there is no /no/such/place on this machine");
  edits = {};
  edits.unsupported = {"intelRdt"};
  EXPECT_EQ(error_of(edits), "the device needs intelRdt, which steps can't be given");
}

}  // namespace

}  // namespace slipway::builder
