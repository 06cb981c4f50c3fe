// The root of a step: layers, what is in /dev /proc /sys /etc, and what reaches the upper
// directory.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::ImagePath;
using builder::Access;
using builder::OverlayRoot;
using builder::PlainRoot;
using builder::SandboxSpec;

class Root : public SandboxTest {
 protected:
  // With all that a build step has.
  SandboxSpec full_spec_of(const std::string& script) {
    SandboxSpec spec = spec_of(script);
    spec.hostname = "stepbox";
    spec.hosts = "127.0.0.1 localhost stepbox\n";
    spec.resolv_conf = "nameserver 192.0.2.1\n";
    return spec;
  }
  void make_whiteout(const std::string& path) {
    ASSERT_EQ(::mknod(path.c_str(), S_IFCHR, makedev(0, 0)), 0) << path;
  }
  void make_opaque(const std::string& path) {
    const char* name = is_rootless() ? "user.overlay.opaque" : "trusted.overlay.opaque";
    ASSERT_EQ(::setxattr(path.c_str(), name, "y", 1, 0), 0) << path;
  }
};

TEST_F(Root, LeavesTheUpperDirectoryEmptyIfNothingWasWritten) {
  output_of(full_spec_of("true"));
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Root, PutsWritesIntoTheUpperDirectoryAndNothingElse) {
  output_of(
      full_spec_of("mkdir /a; echo x > /a/b; echo y >> /etc/hosts; touch /dev/shm/m /dev/n; "
                   "echo z > /etc/resolv.conf"));
  EXPECT_EQ(upper_entries(), "a\na/b\n");
}

TEST_F(Root, HasTheGivenHostsResolverAndName) {
  EXPECT_EQ(output_of(full_spec_of("cat /etc/hosts /etc/resolv.conf; hostname")),
            "127.0.0.1 localhost stepbox\nnameserver 192.0.2.1\nstepbox\n");
}

TEST_F(Root, HasTheImagesHostsIfNoneAreGiven) {
  SandboxSpec spec = spec_of("cat /etc/hosts; test -e /etc/resolv.conf || echo none");
  write_file(make_directory("layer/etc") + "/hosts", "image\n");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "image\nnone\n");
}

TEST_F(Root, FollowsALinkOfTheImageInsideTheRoot) {
  std::string outside = make_directory("outside");
  write_file(outside + "/victim", "untouched\n");
  SandboxSpec spec = full_spec_of("cat /run/stub; cat /etc/hosts");
  std::string etc = make_directory("layer/etc");
  ASSERT_EQ(::symlink("../run/stub", (etc + "/resolv.conf").c_str()), 0);
  ASSERT_EQ(
      ::symlink(cat("../../../../../../..", outside, "/victim").c_str(), (etc + "/hosts").c_str()),
      0);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n127.0.0.1 localhost stepbox\n");
  EXPECT_EQ(base::find_file_content(outside + "/victim", 100), "untouched\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Root, TakesAwayWhatItMadeForALinkToNowhere) {
  SandboxSpec spec = full_spec_of("cat /etc/resolv.conf; touch /var/run/kept");
  std::string etc = make_directory("layer/etc");
  make_directory("layer/var/run", 0751);
  ASSERT_EQ(::symlink("/var/run/deep/stub", (etc + "/resolv.conf").c_str()), 0);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n");
  EXPECT_EQ(upper_entries(), "var\nvar/run\nvar/run/kept\n");
}

TEST_F(Root, TakesAwayWhatItMadeWhereALayerHidesMountPoints) {
  SandboxSpec spec =
      full_spec_of("cat /etc/resolv.conf; ls /proc/self/status /sys/kernel > /dev/null");
  make_whiteout(make_directory("layer/etc") + "/resolv.conf");
  make_opaque(scratch_.path() + "/layer/etc");
  make_whiteout(scratch_.path() + "/layer/proc");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Root, KeepsWhatTheStepPutIntoADirectoryMadeForAMountPoint) {
  SandboxSpec spec = full_spec_of("touch /hidden/own");
  spec.mounts.emplace_back(builder::TmpfsMount{ImagePath::clean("/hidden/mnt")});
  make_whiteout(make_directory("layer") + "/hidden");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  output_of(spec);
  EXPECT_EQ(upper_entries(), "hidden\nhidden/own\n");
}

TEST_F(Root, TakesAwayWhatItMadeAlsoWhenTheSetUpFails) {
  SandboxSpec spec = full_spec_of("true");
  make_whiteout(make_directory("layer/etc") + "/resolv.conf");
  make_opaque(scratch_.path() + "/layer/etc");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  spec.working_directory = ImagePath::clean("/nosuch");
  EXPECT_EQ(error_of(spec), "the working directory /nosuch does not exist");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Root, RefusesALinkInPlaceOfASystemDirectory) {
  for (const char* name : {"proc", "sys", "dev"}) {
    SandboxSpec spec = full_spec_of("true");
    std::string layer = make_directory(cat("layer-", name));
    ASSERT_EQ(::symlink("/tmp", cat(layer, "/", name).c_str()), 0);
    overlay_of(spec).lowers.push_back(layer);
    EXPECT_TRUE(error_of(spec).starts_with(
        cat("cannot mount a directory on /", name, ", which is not a directory")));
  }
}

TEST_F(Root, HasTheUsualDevices) {
  EXPECT_EQ(
      output_of("cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty; "
                "for l in fd stdin stdout stderr ptmx; do readlink $l; done; ls -d mqueue pts shm; "
                "stat -c %a shm; head -c 3 zero | od -An -tx1"),
      "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n"
      "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n"
      "mqueue\npts\nshm\n1777\n 00 00 00\n");
}

TEST_F(Root, SizesSharedMemory) {
  SandboxSpec spec = spec_of("mount | grep -c ' /dev/shm .*size=131072k'");
  spec.shm_size_bytes = 134217728;
  EXPECT_EQ(output_of(spec), "1\n");
}

TEST_F(Root, HasItsOwnProcesses) {
  EXPECT_EQ(
      output_of("ls -d /proc/[0-9]* | sort; readlink /proc/1/root || echo hidden").substr(0, 8),
      "/proc/1\n");
  EXPECT_EQ(output_of("cat /proc/1/comm; cat /proc/1/cmdline | tr '\\0' ' '"),
            "slipway-init\nslipway-init sandbox-helper ");
}

TEST_F(Root, WithoutUpperDirectoryIsReadOnly) {
  SandboxSpec spec = full_spec_of("touch /tmp/x 2>&1; cat /etc/resolv.conf; touch /dev/shm/x");
  overlay_of(spec).upper.clear();
  overlay_of(spec).work.clear();
  EXPECT_EQ(output_of(spec), "touch: /tmp/x: Read-only file system\nnameserver 192.0.2.1\n");
}

TEST_F(Root, WithoutUpperDirectoryStillHasHiddenMountPoints) {
  SandboxSpec spec = full_spec_of("cat /etc/resolv.conf");
  make_whiteout(make_directory("layer/etc") + "/resolv.conf");
  make_opaque(scratch_.path() + "/layer/etc");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  overlay_of(spec).upper.clear();
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n");
}

TEST_F(Root, CanBeAPlainDirectory) {
  std::string directory = make_directory("plain");
  make_directory("plain/bin");
  std::string busybox = base::find_file_content("/bin/busybox", 1 << 26).value_or("");
  write_file(directory + "/bin/busybox", busybox, 0755);
  SandboxSpec spec = full_spec_of("");
  spec.root = PlainRoot{directory, Access::kReadWrite};
  spec.argv = {"/bin/busybox", "sh", "-c", "echo hi > /made; busybox cat /etc/resolv.conf"};
  spec.environment = {"PATH=/bin"};
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n");
  EXPECT_EQ(base::find_file_content(directory + "/made", 100), "hi\n");
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory(directory))) {
    names.push_back(entry.name);
  }
  EXPECT_EQ(base::join(names, " "), "bin made");

  spec.root = PlainRoot{directory, Access::kReadOnly};
  spec.argv.back() = "echo ho > /made";
  EXPECT_EQ(run(spec).result.status.value, 1);
  EXPECT_EQ(base::find_file_content(directory + "/made", 100), "hi\n");
}

TEST_F(Root, MayHaveNoLayersAtAll) {
  SandboxSpec spec = full_spec_of("");
  overlay_of(spec).lowers.clear();
  builder::BindMount program{.source = base_layer() + "/bin", .target = ImagePath::clean("/bin")};
  spec.mounts.emplace_back(program);
  spec.argv = {"/bin/ls", "/"};
  EXPECT_EQ(output_of(spec), "bin\ndev\netc\nproc\nsys\n");
}

TEST_F(Root, KeepsDeviceAndInodeOfAFileThatIsWrittenTo) {
  SandboxSpec spec = spec_of(
      "stat -c '%d %i' /f > /dev/shm/a; echo more >> /f; stat -c '%d %i' /f | cmp - /dev/shm/a"
      " && stat -c %d / /f | uniq | wc -l");
  write_file(make_directory("layer") + "/f", "x");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "1\n");
}

TEST_F(Root, SharesStubsBetweenSteps) {
  output_of(full_spec_of("true"));
  output_of(full_spec_of("true"));
  EXPECT_EQ(base::list_directory(base::open_directory(scratch_.path() + "/stubs")).size(), 1U);
}

TEST_F(Root, WorksWithoutAFolderForStubs) {
  SandboxSpec spec = full_spec_of("cat /etc/resolv.conf");
  overlay_of(spec).stubs.clear();
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.1\n");
  EXPECT_EQ(upper_entries(), "");
}

}  // namespace
}  // namespace slipway::tests
