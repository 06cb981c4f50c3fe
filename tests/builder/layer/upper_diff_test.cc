#include "builder/layer/upper_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/layer_reader.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using tests::can_make_overlay_marks;
using tests::error_of;
using tests::listing;
using tests::run_shell;
using tests::tar_of;
using tests::view_of;

constexpr std::string_view kBase = R"(
    d /etc
    f /etc/passwd root
    f /etc/group root
    d:0700:0:0 /data
    f /data/one 1
    f /data/two 2
    d /data/sub
    f /data/sub/f x
    d /empty
    l /link etc
)";

// An upper directory made by a shell script on a real overlay mount of kBase.
class Step {
 public:
  explicit Step(const std::string& script) : lower_(view_of({kBase})) {
    for (const char* name : {"lower", "upper", "work", "merged"}) {
      base::ensure_directory(folder_.path() + "/" + name);
    }
    unpack();
    std::string command =
        cat("cd ", folder_.path(), " && unshare -m sh -ec 'mount -t overlay overlay -o ",
            "lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=off,metacopy=off merged; "
            "cd merged; ",
            script, "'");
    code = run_shell(command, &output);
  }

  UpperDiff diff() const {
    return diff_upper(upper(), {.marks = OverlayMarks::kTrusted}, lower_.get(), {});
  }
  std::string layer() const { return listing(diff().layer); }
  base::Fd upper() const { return base::open_directory(folder_.path() + "/upper"); }

  int code = 0;
  std::string output;

 private:
  void unpack() {
    base::Fd root = base::open_directory(folder_.path() + "/lower");
    TreeWriter tree(root, {.marks = OverlayMarks::kTrusted});
    base::StringSource tar(tar_of(kBase));
    read_layer(tar, {.object = "base", .tree = &tree}, {});
  }
  base::TempDir folder_{"/tmp", "slipway-test-"};
  std::shared_ptr<const TreeView> lower_;
};

class UpperDiffTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root for overlay mounts";
    }
    Step probe("true");
    if (probe.code != 0) {
      GTEST_SKIP() << "can't mount an overlay on /tmp: " << probe.output;
    }
  }
};

TEST_F(UpperDiffTest, NothingDoneIsAnEmptyLayer) {
  EXPECT_EQ(Step("true").layer(), "");
}

TEST_F(UpperDiffTest, NewAndChangedFilesWithTheirParents) {
  EXPECT_EQ(
      Step("umask 022; echo hi >data/new; echo more >>etc/passwd").layer(),
      "d 0700 0:0 /data\nf 0644 0:0 3 /data/new\nd 0755 0:0 /etc\nf 0644 0:0 9 /etc/passwd\n");
}

TEST_F(UpperDiffTest, DeletionsAndReplacements) {
  EXPECT_EQ(Step("rm data/one; rm -r data/sub; rm link; rm -r empty; touch empty").layer(),
            "d 0700 0:0 /data\nw /data/one\nw /data/sub\nf 0644 0:0 0 /empty\nw /link\n");
  EXPECT_EQ(Step("rm -r data; mkdir -m 700 data; echo x >data/x").layer(),
            "d 0700 0:0 /data opaque\nf 0644 0:0 2 /data/x\n");
}

TEST_F(UpperDiffTest, WhatCameAndWentLeavesNothing) {
  Step step("mkdir data/tmp; touch data/tmp/f etc/x; rm -r data/tmp etc/x; mkdir new; rmdir new");
  UpperDiff diff = step.diff();
  EXPECT_EQ(listing(diff.layer), "");
  remove_superfluous(step.upper(), diff.superfluous);
  EXPECT_EQ(listing(DirectoryView(step.upper())), "");
}

TEST_F(UpperDiffTest, CopiedUpButUnchangedFilesAreLeftOut) {
  EXPECT_EQ(Step("chmod 600 data/one; chmod 644 data/one").layer(), "");
  EXPECT_EQ(Step("chmod 600 data/one").layer(), "d 0700 0:0 /data\nf 0600 0:0 1 /data/one\n");
  // Same size and time, other content.
  EXPECT_EQ(Step("echo -n 9 >data/one; touch -d @1000 data/one").layer(),
            "d 0700 0:0 /data\nf 0644 0:0 1 /data/one\n");
  EXPECT_EQ(Step("touch -d @5 data/one").layer(), "d 0700 0:0 /data\nf 0644 0:0 1 /data/one\n");
}

TEST_F(UpperDiffTest, AttributesOfDirectoriesCount) {
  EXPECT_EQ(Step("chown 5:6 data").layer(), "d 0700 5:6 /data\n");
  EXPECT_EQ(Step("touch data").layer(), "");
}

TEST_F(UpperDiffTest, HardLinksDevicesFifosSocketsAndXattrs) {
  Step step(
      "mkdir n; echo x >n/a; ln n/a n/b; mknod n/null c 1 3; mkfifo n/p; ln -s a n/l; "
      "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind(\\\"n/sock\\\")\"");
  base::set_xattr(base::open_beneath(step.upper(), "n/a", O_RDONLY), "user.k", "v", "n/a");
  EXPECT_EQ(
      listing(step.diff().layer),
      "d 0755 0:0 /n\nf 0644 0:0 2 /n/a user.k=\"v\"\nh 0644 0:0 2 /n/b -> /n/a user.k=\"v\"\n"
      "l 0777 0:0 /n/l -> a\nc 0644 0:0 1,3 /n/null\np 0644 0:0 /n/p\n");
}

TEST_F(UpperDiffTest, NamesThatMeanDeletionsAreRefused) {
  EXPECT_EQ(error_of([] { Step("touch data/.wh.x").layer(); }),
            "a layer can't hold \"/data/.wh.x\": names that begin with \".wh.\" mean deletions");
}

TEST_F(UpperDiffTest, StrangeNamesAndDepthsAreKept) {
  Step step("mkdir -p $(seq -s/ 1 150); touch \"a\nb\" \"$(printf \"\\\\377\")\"");
  EXPECT_EQ(step.code, 0) << step.output;
  std::string text = step.layer();
  EXPECT_NE(text.find("/149/150\n"), std::string::npos);
  EXPECT_NE(text.find("/a\nb\n"), std::string::npos);
  EXPECT_NE(text.find("/\xff\n"), std::string::npos);
}

// The upper directory, the layer's tar unpacked, and what the step saw are one tree.
TEST_F(UpperDiffTest, UnpackingTheLayerGivesTheUpperDirectoryBack) {
  Step step(
      "rm data/one; rm -r data/sub; mkdir data/sub; echo y >data/sub/g; chmod 600 etc/group; "
      "mkdir gone; rmdir gone; ln data/two data/three; touch etc/new; rm etc/new");
  UpperDiff diff = step.diff();
  base::StringSink tar;
  WrittenLayer written = write_layer(diff.layer, {.tar = &tar}, {});
  remove_superfluous(step.upper(), diff.superfluous);

  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  TreeWriter tree(root, {.marks = OverlayMarks::kTrusted});
  base::StringSource source(tar.text());
  LayerIndex index = read_layer(source, {.object = "it", .tree = &tree}, {});
  EXPECT_EQ(index, written.index);
  EXPECT_EQ(listing(DirectoryView(root.duplicate())), listing(DirectoryView(step.upper())));

  UpperDiff again = diff_upper(root, {.marks = OverlayMarks::kTrusted}, view_of({kBase}).get(), {});
  EXPECT_EQ(write_layer(again.layer, {}, {}).diff_id, written.diff_id);
}

TEST_F(UpperDiffTest, MarksOfUserNamespacesAreRead) {
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  TreeWriter tree(root, {.marks = OverlayMarks::kUser});
  for (const LayerEntry& planned : tests::entries_of("o /data\nw /etc").entries) {
    tree.create(planned.entry);
  }
  tree.finish();
  EXPECT_EQ(
      listing(diff_upper(root, {.marks = OverlayMarks::kUser}, view_of({kBase}).get(), {}).layer),
      "d 0755 0:0 /data opaque\nw /etc\n");
}

// Owners in attributes: of what was unpacked, of what a step chowned, of what is new.
TEST_F(UpperDiffTest, RecordedOwnersAreRead) {
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  const char* owned = "d:0755:33:44 /data\nf:0644:7:8 /data/one hello\nl:0777:5:6 /link data";
  TreeWriter tree(root, {.marks = OverlayMarks::kUser, .owners = TreeWriter::Owners::kRecord});
  base::StringSource tar(tar_of(owned));
  read_layer(tar, {.object = "it", .tree = &tree}, {});
  base::ensure_directory(folder.path() + "/new");
  ASSERT_EQ(::symlink("new", (folder.path() + "/other").c_str()), 0);
  ASSERT_EQ(::lchown((folder.path() + "/link").c_str(), ::geteuid(), ::getegid()), 0);
  UpperForm form{.marks = OverlayMarks::kUser, .owner_of_new = Owner{1000, 1001}};
  UpperDiff diff = diff_upper(root, form, view_of({"l:0777:5:6 /link data"}).get(), {});
  record_owners(root, diff.unrecorded);
  diff = diff_upper(root, form, nullptr, {});
  EXPECT_TRUE(diff.unrecorded.empty());
  std::string owners;
  for (const LayerEntry& entry : diff.layer.entries) {
    owners += cat(entry.entry.path.text(), " ", entry.entry.uid, ":", entry.entry.gid,
                  entry.entry.xattrs.empty() ? "" : " has attributes", "\n");
  }
  EXPECT_EQ(owners,
            "/data 33:44\n/data/one 7:8\n/link 1000:1001\n/new 1000:1001\n"
            "/other 1000:1001\n");
}

TEST_F(UpperDiffTest, LinksKeepTheOwnerOfALowerLayersSameLink) {
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  ASSERT_EQ(::symlink("data", (folder.path() + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("else", (folder.path() + "/moved").c_str()), 0);
  auto lower = view_of({"l:0777:5:6 /link data\nl:0777:5:6 /moved data"});
  UpperForm form{.marks = OverlayMarks::kUser, .owner_of_new = Owner{1, 2}};
  std::string owners;
  for (const LayerEntry& entry : diff_upper(root, form, lower.get(), {}).layer.entries) {
    owners += cat(entry.entry.path.text(), " ", entry.entry.uid, ":", entry.entry.gid, "\n");
  }
  EXPECT_EQ(owners, "/link 5:6\n/moved 1:2\n");
}

TEST(UpperDiff, HolesHaveALimit) {
  if (!can_make_overlay_marks()) {
    GTEST_SKIP() << "needs root";
  }
  Step some("truncate -s 60G one; echo x >> one");
  EXPECT_EQ(some.diff().layer.entries.size(), 1U);
  Step many("truncate -s 60G one; truncate -s 60G two");
  EXPECT_THAT(error_of([&] { many.diff(); }),
              testing::AllOf(testing::HasSubstr("/two"), testing::HasSubstr("holes")));
}

}  // namespace
}  // namespace slipway::builder
