#include "builder/export/merge_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {
namespace {

class MergeTree : public testing::Test {
 protected:
  void write(const std::string& side, const std::string& name, const std::string& text) {
    base::Fd root = base::open_directory(folder_.path() + "/" + side);
    std::size_t slash = name.rfind('/');
    base::Fd parent = slash == std::string::npos
                          ? root.duplicate()
                          : base::ensure_directory(root, name.substr(0, slash));
    base::Fd file =
        base::open_at(parent, name.substr(slash + 1), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    base::write_all(file, text);
  }
  std::string read(const std::string& name) {
    return base::find_file_content(folder_.path() + "/to/" + name, 1000).value_or("(absent)");
  }
  void merge() {
    merge_tree(base::open_directory(folder_.path() + "/from"),
               base::open_directory(folder_.path() + "/to"), "to");
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  base::Fd from_ = base::ensure_directory(folder_.path() + "/from");
  base::Fd to_ = base::ensure_directory(folder_.path() + "/to");
};

TEST_F(MergeTree, KeepsWhatIsThereAndReplacesWhatComes) {
  write("to", "d/old", "old");
  write("to", "d/both", "old");
  write("from", "d/both", "new");
  write("from", "d/e/new", "new");
  merge();
  EXPECT_EQ(read("d/old"), "old");
  EXPECT_EQ(read("d/both"), "new");
  EXPECT_EQ(read("d/e/new"), "new");
}

TEST_F(MergeTree, FilesAndDirectoriesReplaceEachOther) {
  write("to", "x/deep", "old");
  write("from", "x", "now a file");
  write("to", "y", "old");
  write("from", "y/deep", "now in a directory");
  merge();
  EXPECT_EQ(read("x"), "now a file");
  EXPECT_EQ(read("y/deep"), "now in a directory");
}

TEST_F(MergeTree, ALinkInTheDestinationIsReplacedAndNotFollowed) {
  base::TempDir outside("/tmp", "slipway-test-");
  ASSERT_EQ(::symlink(outside.path().c_str(), (folder_.path() + "/to/d").c_str()), 0);
  write("from", "d/f", "inside");
  merge();
  EXPECT_EQ(read("d/f"), "inside");
  EXPECT_TRUE(base::list_directory(base::open_directory(outside.path())).empty());
}

}  // namespace
}  // namespace slipway::builder
