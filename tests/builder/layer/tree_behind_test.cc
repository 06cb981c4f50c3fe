#include "builder/layer/tree_behind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::ImagePath;

class TreeBehindTest : public testing::Test {
 protected:
  static Entry entry(const std::string& path, EntryType type, std::uint32_t mode = 0644) {
    Entry made{.path = ImagePath::clean(path), .type = type, .mode = mode};
    made.uid = ::geteuid();
    made.gid = ::getegid();
    return made;
  }
  static void put(TreeBehind& tree, const std::string& path, const std::string& content) {
    Entry file = entry(path, EntryType::kFile);
    file.size = content.size();
    tree.put_file(file, content);
  }
  std::string content(const std::string& path) const {
    return base::find_file_content(folder_.path() + path, 1 << 20).value_or("(none)");
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  base::Fd root_ = base::open_directory(folder_.path());
  TreeWriter writer_{root_, {.marks = OverlayMarks::kNone, .owners = TreeWriter::Owners::kApply}};
};

TEST_F(TreeBehindTest, MakesAllOfItInOrder) {
  TreeBehind tree(writer_);
  constexpr int kFiles = 1000;
  tree.create(entry("/d", EntryType::kDirectory, 0750));
  for (int i = 0; i < kFiles; ++i) {
    put(tree, cat("/d/f", i), cat("content ", i));
    if (i % 100 == 0) {
      Entry link = entry(cat("/d/link", i), EntryType::kHardlink);
      link.link_target = cat("/d/f", i);
      tree.create(link);
    }
  }
  tree.finish();
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_EQ(content(cat("/d/f", i)), cat("content ", i));
  }
  EXPECT_EQ(content("/d/link900"), "content 900");
  struct stat status{};
  ASSERT_EQ(::stat((folder_.path() + "/d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST_F(TreeBehindTest, TheWriterItselfComesAfterWhatWasHandedOver) {
  TreeBehind tree(writer_);
  for (int i = 0; i < 300; ++i) {
    put(tree, cat("/f", i), "x");
  }
  TreeWriter& direct = tree.direct();
  EXPECT_EQ(content("/f299"), "x");
  Entry large = entry("/large", EntryType::kFile);
  base::Fd file = direct.open_file(large);
  base::write_all(file, "by hand");
  direct.close_file(large, std::move(file));
  put(tree, "/g", "after");
  tree.finish();
  EXPECT_EQ(content("/large"), "by hand");
  EXPECT_EQ(content("/g"), "after");
}

TEST_F(TreeBehindTest, WhatCantBeMadeIsToldByALaterCall) {
  TreeBehind tree(writer_);
  put(tree, "/twice", "first");
  std::string error;
  try {
    for (int i = 0; i < 100'000; ++i) {
      put(tree, "/twice", "second");
    }
  } catch (const base::Error& thrown) {
    error = thrown.message();
  }
  EXPECT_EQ(error, "create /twice: File exists");
  EXPECT_THROW(tree.finish(), base::Error);
  EXPECT_EQ(content("/twice"), "first");
}

TEST_F(TreeBehindTest, LeavesTheRestWhenItIsDropped) {
  {
    TreeBehind tree(writer_);
    for (int i = 0; i < 1000; ++i) {
      put(tree, cat("/f", i), "x");
    }
  }
  // Nobody works on the tree any more, so it can be taken away.
  base::remove_tree(root_, "f0");
  EXPECT_EQ(content("/f0"), "(none)");
}

}  // namespace
}  // namespace slipway::builder
