// The mounts that a step asks for.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::ImagePath;
using builder::Access;
using builder::BindMount;
using builder::FileMount;
using builder::OverlayMount;
using builder::OverlayRoot;
using builder::SandboxSpec;
using builder::TmpfsMount;

class Mounts : public SandboxTest {
 protected:
  SandboxSpec spec_with(const std::string& script, std::vector<builder::MountEntry> mounts) {
    SandboxSpec spec = spec_of(script);
    spec.mounts = std::move(mounts);
    return spec;
  }
  static BindMount bind(std::string source, const char* target, Access access = Access::kReadOnly) {
    return {.source = std::move(source), .target = ImagePath::clean(target), .access = access};
  }
};

TEST_F(Mounts, BindADirectoryReadOnlyOrWritable) {
  std::string source = make_directory("source");
  write_file(source + "/f", "from outside\n");
  EXPECT_EQ(output_of(spec_with("cat /in/deep/f; touch /in/deep/g 2>&1 || true",
                                {bind(source, "/in/deep")})),
            "from outside\ntouch: /in/deep/g: Read-only file system\n");
  EXPECT_EQ(upper_entries(), "");
  output_of(spec_with("echo new > /in/g", {bind(source, "/in", Access::kReadWrite)}));
  EXPECT_EQ(base::find_file_content(source + "/g", 100), "new\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Mounts, BindAFileAndASocket) {
  std::string source = make_directory("source");
  write_file(source + "/f", "text\n");
  base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (source + "/agent").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(output_of(spec_with(
                "cat /etc/one; test -S /run/agent.0 && echo socket",
                {bind(source + "/f", "/etc/one"), bind(source + "/agent", "/run/agent.0")})),
            "text\nsocket\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Mounts, GoOnTopOfWhatTheImageHas) {
  std::string source = make_directory("source");
  write_file(source + "/f", "outer\n");
  SandboxSpec spec = spec_with("cat /dir/f; ls /dir", {bind(source, "/dir")});
  write_file(make_directory("layer/dir") + "/hidden", "");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "outer\nf\n");
}

TEST_F(Mounts, CanLieInsideEachOtherInAnyOrder) {
  std::string outer = make_directory("outer");
  std::string inner = make_directory("inner");
  write_file(outer + "/a", "a\n");
  make_directory("outer/sub");
  write_file(inner + "/b", "b\n");
  EXPECT_EQ(output_of(spec_with("cat /m/a /m/sub/b", {bind(inner, "/m/sub"), bind(outer, "/m")})),
            "a\nb\n");
  // The inner one's place is missing in the outer: it is made there, as other builders do.
  EXPECT_EQ(output_of(spec_with("cat /m/made/b",
                                {bind(inner, "/m/made"), bind(outer, "/m", Access::kReadWrite)})),
            "b\n");
}

TEST_F(Mounts, DoNotLeaveTheirSourceByALink) {
  std::string outside = make_directory("outside");
  write_file(outside + "/secret", "secret\n");
  std::string source = make_directory("source");
  ASSERT_EQ(::symlink(outside.c_str(), (source + "/out").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../../..", (source + "/up").c_str()), 0);
  BindMount mount = bind(source, "/in");
  mount.subpath = ImagePath::clean("/out");
  std::string error = error_of(spec_with("cat /in/secret", {mount}));
  EXPECT_TRUE(error.contains("out")) << error;
  EXPECT_TRUE(error.contains("preparing the mount at /in")) << error;
  mount.subpath = ImagePath::clean("/up");
  EXPECT_EQ(output_of(spec_with("ls /in", {mount})), "out\nup\n");
}

TEST_F(Mounts, DoNotLeaveTheRootByALink) {
  std::string source = make_directory("source");
  write_file(source + "/f", "x\n");
  std::string outside = make_directory("outside");
  SandboxSpec spec = spec_with(cat("cat ", outside, "/f"), {bind(source, "/link")});
  ASSERT_EQ(::symlink(outside.c_str(), (make_directory("layer") + "/link").c_str()), 0);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "x\n");
  EXPECT_EQ(upper_entries(), "");
  EXPECT_TRUE(base::list_directory(base::open_directory(outside)).empty());
}

TEST_F(Mounts, RefuseTargetsThatMakeNoSense) {
  std::string source = make_directory("source");
  write_file(source + "/f", "");
  auto error_at = [&](const std::string& from, const char* target) {
    return error_of(spec_with("true", {bind(from, target)}));
  };
  EXPECT_TRUE(error_at(source, "/").starts_with("invalid mount target \"/\""));
  EXPECT_TRUE(error_at(source, "/proc/sys").starts_with("invalid mount target \"/proc/sys\""));
  EXPECT_TRUE(error_at(source, "/bin/sh")
                  .starts_with("cannot mount a directory on /bin/sh, which is not a directory"));
  EXPECT_TRUE(error_at(source + "/f", "/bin")
                  .starts_with("cannot mount a file on /bin, which is a directory"));
  EXPECT_TRUE(error_at("/nosuch", "/in").contains("/nosuch"));
}

TEST_F(Mounts, RefuseALinkThatLeadsToTheRootOrIntoProc) {
  std::string source = make_directory("source");
  std::string layer = make_directory("layer");
  ASSERT_EQ(::symlink("/", (layer + "/root").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/tty", (layer + "/proclink").c_str()), 0);
  for (const char* name : {"/root", "/proclink"}) {
    SandboxSpec spec = spec_with("true", {bind(source, name)});
    overlay_of(spec).lowers.push_back(layer);
    EXPECT_TRUE(error_of(spec).starts_with("invalid mount target")) << name;
  }
}

TEST_F(Mounts, TmpfsHasItsSizeAndMode) {
  EXPECT_EQ(output_of(spec_with("stat -c %a /t /u; mount | grep -c ' /t .*size=1024k'; touch /t/x",
                                {TmpfsMount{ImagePath::clean("/t"), 1 << 20, 01777},
                                 TmpfsMount{ImagePath::clean("/u"), 0, 0750}})),
            "1777\n750\n1\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Mounts, TmpfsCanReplaceSharedMemory) {
  EXPECT_EQ(output_of(spec_with("mount | grep ' /dev/shm '| grep -c size=2048k",
                                {TmpfsMount{ImagePath::clean("/dev/shm"), 2 << 20}})),
            "1\n");
}

TEST_F(Mounts, FilesHaveContentModeAndOwner) {
  FileMount secret{.target = ImagePath::clean("/run/secrets/key"), .content = "hush\n"};
  FileMount script{.target = ImagePath::clean("/dev/pipes/EOF"),
                   .content = "#!/bin/sh\necho script ran\n",
                   .mode = 0755};
  EXPECT_EQ(output_of(spec_with("stat -c '%a %u:%g' /run/secrets/key; cat /run/secrets/key; "
                                "echo x 2>/dev/null > /run/secrets/key || echo read-only; "
                                "/dev/pipes/EOF",
                                {secret, script})),
            "400 0:0\nhush\nread-only\nscript ran\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Mounts, FilesMayBelongToAUser) {
  if (!has_many_ids()) {
    GTEST_SKIP() << "only one id is mapped here";
  }
  FileMount secret{.target = ImagePath::clean("/key"), .content = "hush\n", .uid = 7, .gid = 8};
  SandboxSpec spec = spec_with("cat /key; stat -c '%u:%g' /key", {secret});
  spec.user.uid = 7;
  EXPECT_EQ(output_of(spec), "hush\n7:8\n");
}

TEST_F(Mounts, OtherLayersCanBeMountedReadOnly) {
  write_file(make_directory("one/sub") + "/a", "a\n");
  write_file(make_directory("two/sub") + "/b", "b\n");
  OverlayMount mount{.layers = {.lowers = {scratch_.path() + "/one", scratch_.path() + "/two"}},
                     .subpath = ImagePath::clean("/sub"),
                     .target = ImagePath::clean("/from")};
  EXPECT_EQ(output_of(spec_with("cat /from/a /from/b; touch /from/c 2>&1 || true", {mount})),
            "a\nb\ntouch: /from/c: Read-only file system\n");
  mount.layers.lowers.pop_back();
  EXPECT_EQ(output_of(spec_with("ls /from", {mount})), "a\n");
  mount.layers.lowers.clear();
  mount.subpath = ImagePath();
  EXPECT_EQ(output_of(spec_with("ls /from", {mount})), "");
}

TEST_F(Mounts, OtherLayersCanBeMountedWritableWithWritesThrownAway) {
  write_file(make_directory("one") + "/a", "a\n");
  OverlayMount mount{.layers = {.lowers = {scratch_.path() + "/one"},
                                .upper = make_directory("thrown"),
                                .work = make_directory("thrown-work")},
                     .target = ImagePath::clean("/from")};
  EXPECT_EQ(output_of(spec_with("echo b >> /from/a; cat /from/a", {mount})), "a\nb\n");
  EXPECT_EQ(base::find_file_content(scratch_.path() + "/one/a", 100), "a\n");
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(Mounts, DevicesInADirectoryCannotBeUsedButABoundDeviceCan) {
  EXPECT_EQ(output_of(spec_with("probe open /d/zero; probe open /own-zero",
                                {bind("/dev", "/d"), bind("/dev/zero", "/own-zero")})),
            "EACCES\nok\n");
}

}  // namespace
}  // namespace slipway::tests
