#include "base/tree_files.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::base {
namespace {

class TreeFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    ensure_directory(path_of("a"));
    ensure_directory(path_of("b"));
    write("top", "at the top");
    write("a/file", "in a");
    write("b/file", "in b");
  }
  std::string path_of(std::string_view name) const { return cat(tree_.path(), "/", name); }
  void write(std::string_view name, std::string_view text) const {
    write_all(open_file(path_of(name), O_WRONLY | O_CREAT, 0644), text);
  }
  std::string read(std::string_view directory, const std::string& name) const {
    return read_to_end(all_.open(directory, name), 100);
  }

  TempDir tree_{"/var/tmp", "slipway-test-"};
  TreeFiles all_{open_directory(tree_.path())};
};

TEST_F(TreeFilesTest, OpensFilesOfOneDirectoryAfterTheOther) {
  EXPECT_EQ(read("", "top"), "at the top");
  EXPECT_EQ(read("a", "file"), "in a");
  EXPECT_EQ(read("b", "file"), "in b");
  EXPECT_EQ(read("a", "file"), "in a");
  EXPECT_EQ(read("", "top"), "at the top");
}

TEST_F(TreeFilesTest, FollowsNoLinks) {
  ASSERT_EQ(::symlink("a", path_of("link").c_str()), 0);
  ASSERT_EQ(::symlink("file", path_of("a/link").c_str()), 0);
  EXPECT_THROW(read("link", "file"), Error);
  EXPECT_THROW(read("a", "link"), Error);
  EXPECT_THROW(read("..", "passwd"), Error);
}

TEST_F(TreeFilesTest, DoesNotWaitForTheWriterOfAFifo) {
  ASSERT_EQ(::mkfifo(path_of("fifo").c_str(), 0600), 0);
  EXPECT_TRUE(all_.open("", "fifo"));
}

TEST_F(TreeFilesTest, LeavesTheTimeOfTheLastReadingAsItWas) {
  timespec times[2] = {{1'000'000, 0}, {2'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_of("top").c_str(), times, 0), 0);
  EXPECT_EQ(read("", "top"), "at the top");
  EXPECT_EQ(get_status(all_.root(), "top").st_atim.tv_sec, 1'000'000);
}

TEST_F(TreeFilesTest, ReadsWhatBelongsToOthers) {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root, to be somebody else for a moment";
  }
  ASSERT_EQ(::chmod(tree_.path().c_str(), 0755), 0);
  ::setfsuid(kNobody);  // takes CAP_FOWNER from this thread, too
  std::string top = read("", "top");
  std::string inner = read("a", "file");
  ::setfsuid(0);
  EXPECT_EQ(top, "at the top");
  EXPECT_EQ(inner, "in a");
}

}  // namespace
}  // namespace slipway::base
