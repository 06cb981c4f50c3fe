#include "builder/layer/layer_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "tests/builder/layer/raw_tar.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::ImagePath;
using tests::error_of;
using tests::kEnd;
using tests::listing;
using tests::pax;
using tests::raw;
using tests::tar_of;
using tests::view_of;

LayerIndex read(const std::string& tar, const LayerReadOptions& options = {.object = "it"}) {
  base::StringSource source(tar);
  return read_layer(source, options, {});
}

std::string directory(const std::string& name) {
  return raw({.name = name, .type = '5', .mode = "0000755"});
}
std::string file(const std::string& name, const std::string& content = "x") {
  return raw({.name = name, .content = content});
}
std::string symlink(const std::string& name, const std::string& target) {
  return raw({.name = name, .type = '2', .link = target, .mode = "0000777"});
}
std::string hardlink(const std::string& name, const std::string& target) {
  return raw({.name = name, .type = '1', .link = target});
}

// The index that comes of a tar; with and without a tree it must be the same, and the tree must
// hold what the index says.
class Layer {
 public:
  explicit Layer(const std::string& tar, const TreeView* lower = nullptr) {
    index_ = read(tar + kEnd);
    TreeWriter writer(root_, {.marks = OverlayMarks::kTrusted});
    LayerIndex same = read(tar + kEnd, {.object = "it", .tree = &writer, .lower = lower});
    EXPECT_EQ(listing(same), listing(index_));
  }
  std::string index() const { return listing(index_); }
  // What is on disk, whiteouts as devices.
  std::string tree() const { return listing(DirectoryView(root_.duplicate())); }
  const base::Fd& root() const { return root_; }
  std::string path() const { return folder_.path(); }

 private:
  base::TempDir folder_{"/tmp", "slipway-test-"};
  base::Fd root_ = base::open_directory(folder_.path());
  LayerIndex index_;
};

class LayerReader : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root to make whiteouts and trusted attributes";
    }
  }
};

TEST_F(LayerReader, UnpacksEveryKindOfFileWithItsAttributes) {
  std::string text = R"(
    d:01777:3:4 /tmp
    f:04755:5:6 /tmp/su !
    x /tmp/su user.note v
    l:0777:7:8 /tmp/link ../x
    h:04755:5:6 /tmp/su2 /tmp/su
    c:0600:0:0 /null 1,3
    p:0640:0:9 /pipe
    d:0555:0:0 /ro
    f /ro/f x
    x /ro user.a b
  )";
  Layer layer(tar_of(text));
  EXPECT_EQ(layer.index(), R"(c 0600 0:0 1,3 /null
p 0640 0:9 /pipe
d 0555 0:0 /ro user.a="b"
f 0644 0:0 1 /ro/f
d 1777 3:4 /tmp
l 0777 7:8 /tmp/link -> ../x
f 4755 5:6 1 /tmp/su user.note="v"
h 4755 5:6 1 /tmp/su2 -> /tmp/su user.note="v"
)");
  EXPECT_EQ(layer.tree(), R"(c 0600 0:0 1,3 /null
p 0640 0:9 /pipe
d 0555 0:0 /ro user.a="b"
f 0644 0:0 1 /ro/f
d 1777 3:4 /tmp
l 0777 7:8 /tmp/link -> ../x
f 4755 5:6 1 /tmp/su user.note="v"
f 4755 5:6 1 /tmp/su2 user.note="v"
)");
  for (std::string name : {"tmp", "tmp/su", "tmp/link", "null", "pipe", "ro"}) {
    struct stat status{};
    ASSERT_EQ(::lstat(cat(layer.path(), "/", name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mtim.tv_sec, 1000) << name;
  }
  struct stat one{};
  struct stat two{};
  ::lstat((layer.path() + "/tmp/su").c_str(), &one);
  ::lstat((layer.path() + "/tmp/su2").c_str(), &two);
  EXPECT_EQ(one.st_ino, two.st_ino);
}

TEST_F(LayerReader, WhiteoutsBecomeMarksOfOverlay) {
  Layer layer(directory("d/") + file("d/.wh.gone", "") + file("d/.wh..wh..opq", "") +
              file(".wh.top", "") + file(".wh..wh.plnk", "") + file(".wh..wh.aufs", ""));
  EXPECT_EQ(layer.index(), "d 0755 0:0 /d opaque\nw /d/gone\nw /top\n");
  EXPECT_EQ(layer.tree(), "d 0755 0:0 /d\nc 0000 0:0 0,0 /d/gone\nc 0000 0:0 0,0 /top\n");
  base::Fd directory = base::open_beneath(layer.root(), "d", O_RDONLY);
  EXPECT_EQ(base::find_xattr(directory, "trusted.overlay.opaque"), "y");
}

// Whiteouts speak of lower layers only, wherever they stand in the tar.
TEST_F(LayerReader, WhatReplacesADeletionHidesIt) {
  EXPECT_EQ(Layer(file(".wh.a", "") + directory("a/")).index(), "d 0755 0:0 /a opaque\n");
  EXPECT_EQ(Layer(directory("a/") + file(".wh.a", "")).index(), "d 0755 0:0 /a opaque\n");
  EXPECT_EQ(Layer(file("a") + file(".wh.a", "")).index(), "f 0644 0:0 1 /a\n");
  EXPECT_EQ(Layer(file(".wh.a", "") + file("a")).index(), "f 0644 0:0 1 /a\n");
  EXPECT_EQ(Layer(file(".wh.a", "") + file("a/b")).index(),
            "d 0755 0:0 /a opaque\nf 0644 0:0 1 /a/b\n");
  EXPECT_EQ(Layer(file("a/b") + file(".wh.a", "")).index(),
            "d 0755 0:0 /a opaque\nf 0644 0:0 1 /a/b\n");
}

TEST_F(LayerReader, LaterMembersReplaceEarlierOnes) {
  EXPECT_EQ(Layer(file("a", "1") + file("a", "22")).tree(), "f 0644 0:0 2 /a\n");
  EXPECT_EQ(Layer(directory("a/") + file("a/b") + file("a", "1")).tree(), "f 0644 0:0 1 /a\n");
  EXPECT_EQ(Layer(file("a") + directory("a/") + file("a/b")).tree(),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/b\n");
  EXPECT_EQ(Layer(file("a/b") + raw({.name = "a", .type = '5', .mode = "0000700"})).tree(),
            "d 0700 0:0 /a\nf 0644 0:0 1 /a/b\n");
  EXPECT_EQ(Layer(file("a/b/c") + symlink("a", "x")).tree(), "l 0777 0:0 /a -> x\n");
}

TEST_F(LayerReader, ALinkOutlivesItsFirstName) {
  Layer layer(file("a", "one") + hardlink("b", "a") + hardlink("c", "a") + file("a", "other"));
  EXPECT_EQ(layer.index(), "f 0644 0:0 5 /a\nf 0644 0:0 3 /b\nh 0644 0:0 3 /c -> /b\n");
  EXPECT_EQ(tests::content_of(DirectoryView(layer.root().duplicate()), "/c"), "one");
}

TEST_F(LayerReader, LinksToLinksAndDevicesAreMade) {
  EXPECT_EQ(Layer(symlink("l", "x") + hardlink("m", "l")).tree(),
            "l 0777 0:0 /l -> x\nl 0777 0:0 /m -> x\n");
  EXPECT_EQ(Layer(file("a") + hardlink("b", "a") + hardlink("c", "b")).index(),
            "f 0644 0:0 1 /a\nh 0644 0:0 1 /b -> /a\nh 0644 0:0 1 /c -> /a\n");
}

// Nothing is ever created outside of the root, whatever the names say.
TEST_F(LayerReader, NamesAndLinksStayInside) {
  EXPECT_EQ(Layer(file("../../evil")).tree(), "f 0644 0:0 1 /evil\n");
  EXPECT_EQ(Layer(file("/abs")).tree(), "f 0644 0:0 1 /abs\n");
  EXPECT_EQ(Layer(file("a/../../b")).tree(), "f 0644 0:0 1 /b\n");
  EXPECT_EQ(Layer(symlink("l", "/etc") + file("l/passwd")).tree(),
            "d 0755 0:0 /etc\nf 0644 0:0 1 /etc/passwd\nl 0777 0:0 /l -> /etc\n");
  EXPECT_EQ(Layer(symlink("l", "../../..") + file("l/f")).tree(),
            "f 0644 0:0 1 /f\nl 0777 0:0 /l -> ../../..\n");
  EXPECT_EQ(Layer(directory("d/") + symlink("d/up", "..") + file("d/up/f")).tree(),
            "d 0755 0:0 /d\nl 0777 0:0 /d/up -> ..\nf 0644 0:0 1 /f\n");
  EXPECT_EQ(Layer(symlink("l", "/d") + file("l/.wh.x", "")).index(),
            "w /d/x\nl 0777 0:0 /l -> /d\n");
}

TEST_F(LayerReader, ALinkThatIsReplacedByADirectoryIsNoLinkAnyMore) {
  EXPECT_EQ(Layer(symlink("l", "/d") + file("l/a") + directory("l/") + file("l/b")).tree(),
            "d 0755 0:0 /d\nf 0644 0:0 1 /d/a\nd 0755 0:0 /l\nf 0644 0:0 1 /l/b\n");
}

TEST_F(LayerReader, AttributesOfTheMachineAreLeftOut) {
  std::string records =
      "SCHILY.xattr.security.selinux=label\nSCHILY.xattr.trusted.overlay.opaque=y\n"
      "SCHILY.xattr.user.overlay.redirect=/etc\nSCHILY.xattr.user.kept=1";
  EXPECT_EQ(Layer(pax(records) + directory("d/")).tree(), "d 0755 0:0 /d user.kept=\"1\"\n");
}

TEST_F(LayerReader, TakesContentAndAttributesFromLowerLayers) {
  auto lower = view_of({"d:0700:5:6 /home\nf:0640:1:2 /home/file below\nx /home user.k v"});
  Layer layer(file("home/new") + hardlink("link", "home/file"), lower.get());
  EXPECT_EQ(layer.index(), "f 0644 0:0 1 /home/new\nh 0644 0:0 0 /link -> /home/file\n");
  EXPECT_EQ(layer.tree(),
            "d 0700 5:6 /home user.k=\"v\"\nf 0644 0:0 1 /home/new\nf 0640 1:2 5 /link\n");
}

TEST(NeedsLower, SaysWhichLayersDo) {
  EXPECT_FALSE(needs_lower(read(tar_of("d /a\nf /a/b x\nh /c /a/b\nd /d\nf /e x"))));
  EXPECT_TRUE(needs_lower(read(tar_of("f /a/b x"))));
  EXPECT_TRUE(needs_lower(read(tar_of("d /a\nd /b\nf /a/c/d x"))));
  EXPECT_TRUE(needs_lower(read(hardlink("a", "b") + kEnd)));
}

TEST(LayerReaderErrors, SayWhatMakesNoSense) {
  auto error = [](const std::string& tar) { return error_of([&] { read(tar + kEnd); }); };
  EXPECT_EQ(error(file("a") + file("a/b")), "it: member \"/a\": its parent /a is a file");
  EXPECT_EQ(error(directory("d/") + hardlink("l", "d")),
            "it: member \"l\": a hard link to the directory /d");
  EXPECT_EQ(error(file("a") + hardlink("a", "a")),
            "it: member \"a\": a hard link in the place of its target /a");
  EXPECT_EQ(error(file("d/a") + hardlink("d", "d/a")),
            "it: member \"d\": a hard link in the place of its target /d/a");
  EXPECT_EQ(error(file(".wh.", "")), "it: member \".wh.\": a whiteout that names nothing");
  EXPECT_EQ(error(file(".wh...", "")), "it: member \".wh...\": a whiteout that names nothing");
  EXPECT_EQ(error(symlink("a", "b") + symlink("b", "a") + file("a/f")),
            "it: member \"/a\": too many links on the way");
  EXPECT_EQ(error(file("./", "")), "no error");  // a v7 directory by its slash
  EXPECT_EQ(error(raw({.name = "..", .type = '2', .link = "x"})),
            "it: member \"..\": the root can only be a directory");
  EXPECT_EQ(error(symlink("a", "")), "it: member \"a\": a symbolic link without a target");
}

TEST_F(LayerReader, RefusesLinksToWhatNobodyHas) {
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  TreeWriter writer(root, {.marks = OverlayMarks::kTrusted});
  EXPECT_EQ(error_of([&] {
              read(hardlink("a", "/etc/passwd") + kEnd, {.object = "it", .tree = &writer});
            }),
            "it: member \"/a\": a hard link to /etc/passwd, which is no file of this layer or of "
            "those below");
}

TEST_F(LayerReader, RefusesADeviceThatOverlayTakesForADeletion) {
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  TreeWriter writer(root, {.marks = OverlayMarks::kTrusted});
  EXPECT_NE(error_of([&] {
              read(raw({.name = "dev", .type = '3', .major = "0000000", .minor = "0000000"}) + kEnd,
                   {.object = "it", .tree = &writer});
            }),
            "no error");
}

TEST_F(LayerReader, DeepPathsWork) {
  std::string path;
  std::string tar;
  for (int i = 0; i < 400; ++i) {
    path += "d/";
    tar += pax(cat("path=", path)) + directory("x");
  }
  Layer layer(tar + pax(cat("path=", path, "f")) + file("x"));
  EXPECT_NE(layer.tree().find("/d/d/f\n"), std::string::npos);
}

// Two ways, one answer: what was unpacked gives the tar back.
TEST_F(LayerReader, TreeAndIndexGiveTheTarBack) {
  std::string tar = tar_of(R"(
    d:0700:1:2 /d
    f /d/a hello
    h /d/b /d/a
    l /d/c a
    o /e
    w /gone
    p /d/p
  )");
  base::TempDir folder("/tmp", "slipway-test-");
  base::Fd root = base::open_directory(folder.path());
  TreeWriter writer(root, {.marks = OverlayMarks::kTrusted});
  LayerIndex index = read(tar, {.object = "it", .tree = &writer});
  TreeContent content(root.duplicate());
  base::StringSink again;
  TarWriter tar_writer(again);
  for (const Entry& entry : index.entries()) {
    auto source = entry.type == EntryType::kFile ? content.open(entry) : nullptr;
    tar_writer.write(entry, source.get());
  }
  tar_writer.finish();
  EXPECT_TRUE(again.text() == tar);
}

}  // namespace
}  // namespace slipway::builder
