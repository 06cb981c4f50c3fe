#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::base {
namespace {

void make_link(const TempDir& tree, const std::string& name, const std::string& target) {
  ASSERT_EQ(::symlink(target.c_str(), cat(tree.path(), "/", name).c_str()), 0);
}

void write_file(const TempDir& tree, const std::string& name, std::string_view text) {
  Fd file = open_file(cat(tree.path(), "/", name), O_WRONLY | O_CREAT, 0644);
  write_all(file, text);
}

int error_number_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.error_number();
  }
  return 0;
}

// Both ways of opening beneath a root must agree.
using Open = Fd (*)(const Fd&, std::string_view, int, mode_t, Links);
class OpenBeneath : public testing::TestWithParam<Open> {
 protected:
  TempDir tree_{"/tmp", "slipway-test-"};
  Fd root_ = open_directory(tree_.path());
  std::string read(std::string_view path, Links links) {
    Fd file = GetParam()(root_, path, O_RDONLY, 0, links);
    return read_to_end(file, 1000);
  }
};

TEST_P(OpenBeneath, ReadsAPlainFileInASubdirectory) {
  ensure_directory(root_, "a/b");
  write_file(tree_, "a/b/f", "hi");
  EXPECT_EQ(read("a/b/f", Links::kRefuse), "hi");
  EXPECT_EQ(read("/a/./b/f", Links::kInRoot), "hi");
}

TEST_P(OpenBeneath, AbsoluteLinksMeanTheRoot) {
  ensure_directory(root_, "etc");
  write_file(tree_, "etc/passwd", "inside");
  make_link(tree_, "link", "/etc/passwd");
  make_link(tree_, "up", "../../../../etc/passwd");
  EXPECT_EQ(read("link", Links::kInRoot), "inside");
  EXPECT_EQ(read("up", Links::kInRoot), "inside");
}

TEST_P(OpenBeneath, RefusesLinksWhereTheyAreNotAllowed) {
  ensure_directory(root_, "etc");
  write_file(tree_, "etc/passwd", "inside");
  make_link(tree_, "link", "/etc");
  EXPECT_EQ(error_number_of([&] { read("link/passwd", Links::kRefuse); }), ELOOP);
}

TEST_P(OpenBeneath, DotDotNeverLeavesTheRoot) {
  write_file(tree_, "f", "inside");
  EXPECT_EQ(read("../../f", Links::kInRoot), "inside");
}

TEST_P(OpenBeneath, LoopsOfLinksEnd) {
  make_link(tree_, "x", "y");
  make_link(tree_, "y", "x");
  EXPECT_EQ(error_number_of([&] { read("x", Links::kInRoot); }), ELOOP);
}

TEST_P(OpenBeneath, CreatesAFileBeneath) {
  ensure_directory(root_, "d");
  Fd file = GetParam()(root_, "d/new", O_WRONLY | O_CREAT | O_EXCL, 0640, Links::kRefuse);
  EXPECT_EQ(get_status(file, "").st_mode & 0777, 0640U);
}

INSTANTIATE_TEST_SUITE_P(Ways, OpenBeneath, testing::Values(&open_beneath, &open_beneath_by_walk),
                         [](const auto& way) { return way.index == 0 ? "Openat2" : "Walk"; });

TEST(FindBeneath, TellsAbsentFromPresent) {
  TempDir tree("/tmp", "slipway-test-");
  Fd root = open_directory(tree.path());
  write_file(tree, "f", "x");
  EXPECT_TRUE(find_beneath(root, "f", O_RDONLY).has_value());
  EXPECT_FALSE(find_beneath(root, "g", O_RDONLY).has_value());
  EXPECT_FALSE(find_beneath(root, "f/g", O_RDONLY).has_value());
}

TEST(RemoveTree, RemovesDeepTreesAndReadOnlyDirectoriesAndSparesLinkTargets) {
  TempDir outside("/tmp", "slipway-test-");
  write_file(outside, "keep", "x");
  TempDir tree("/tmp", "slipway-test-");
  Fd root = open_directory(tree.path());
  Fd deep = ensure_directory(root, "t");
  for (int i = 0; i < 3000; ++i) {
    deep = ensure_directory(deep, "d");
  }
  make_link(tree, "t/link", outside.path());
  ASSERT_EQ(::chmod(cat(tree.path(), "/t/d").c_str(), 0500), 0);
  deep.reset();
  remove_tree(root, "t");
  EXPECT_FALSE(find_status(root, "t").has_value());
  EXPECT_TRUE(find_status(open_directory(outside.path()), "keep").has_value());
}

TEST(WriteFileAtomically, ReplacesAndLeavesNoTemporary) {
  TempDir tree("/tmp", "slipway-test-");
  Fd root = open_directory(tree.path());
  write_file_atomically(root, "f", "one");
  write_file_atomically(root, "f", "two", 0600);
  EXPECT_EQ(find_file_content(tree.path() + "/f", 100), "two");
  EXPECT_EQ(list_directory(root).size(), 1U);
}

TEST(FindFileContent, RefusesWhatIsLongerThanTheLimit) {
  TempDir tree("/tmp", "slipway-test-");
  write_file(tree, "f", std::string(5000, 'x'));
  EXPECT_FALSE(find_file_content(tree.path() + "/none", 10).has_value());
  EXPECT_THROW(find_file_content(tree.path() + "/f", 4999), Error);
  EXPECT_EQ(find_file_content(tree.path() + "/f", 5000)->size(), 5000U);
}

TEST(FileLock, ExcludesASecondHolder) {
  TempDir tree("/tmp", "slipway-test-");
  std::string path = tree.path() + "/lock";
  {
    FileLock held = FileLock::acquire(path, FileLock::Mode::kExclusive);
    EXPECT_FALSE(FileLock::try_acquire(path, FileLock::Mode::kShared).has_value());
  }
  EXPECT_TRUE(FileLock::try_acquire(path, FileLock::Mode::kShared).has_value());
}

TEST(Rename, WithoutReplacingSaysWhetherItMoved) {
  TempDir tree("/tmp", "slipway-test-");
  Fd root = open_directory(tree.path());
  ensure_directory(root, "a");
  ensure_directory(root, "b/full");
  EXPECT_FALSE(rename_without_replacing(root, "a", root, "b"));
  EXPECT_TRUE(rename_without_replacing(root, "a", root, "c"));
}

TEST(ListDirectory, ADirectoryThatWasRemovedHasNoEntries) {
  TempDir tree("/tmp", "slipway-test-");
  Fd directory = ensure_directory(tree.path() + "/gone");
  ASSERT_EQ(::rmdir((tree.path() + "/gone").c_str()), 0);
  EXPECT_TRUE(list_directory(directory).empty());
}

}  // namespace
}  // namespace slipway::base
