#include "cache/snapshot/tree_store.h"

#include <sys/stat.h>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::bytes_of_file;
using testing_support::digest_of;
using testing_support::names_in;

class TreeStoreTest : public testing_support::StoreTest {
 protected:
  static void fill(const StagedTree& staged, std::string_view text) {
    base::write_file_atomically(base::open_directory(staged.path()), "file", text);
  }
  static mode_t mode_of(const std::string& path) {
    return base::get_status(base::open_directory(path), "").st_mode & 07777U;
  }
  DiffId diff_id_ = digest_of<DiffId>("layer");
};

TEST_F(TreeStoreTest, ACommittedTreeIsFoundWithItsContent) {
  Store store = open();
  EXPECT_EQ(store.trees().find(diff_id_), std::nullopt);
  StagedTree staged = store.trees().stage();
  fill(staged, "content");
  std::string path = store.trees().commit(std::move(staged), diff_id_, 100);
  EXPECT_EQ(path, file(cat("trees/", diff_id_.hex())));
  EXPECT_EQ(store.trees().find(diff_id_), path);
  EXPECT_EQ(bytes_of_file(path + "/file"), "content");
}

TEST_F(TreeStoreTest, OtherProcessesSeeATreeOnlyAfterTheCommit) {
  Store writer = open();
  Store reader = open();
  writer.trees().commit(writer.trees().stage(), diff_id_, 0);
  EXPECT_EQ(reader.trees().find(diff_id_), std::nullopt);
  Batch batch;
  batch.layers.push_back({.diff_id = diff_id_});
  writer.commit(batch);
  EXPECT_NE(reader.trees().find(diff_id_), std::nullopt);
}

TEST_F(TreeStoreTest, TheStagedDirectoryIsEmptyAndOpenToAll) {
  Store store = open();
  mode_t before = ::umask(077);
  StagedTree staged = store.trees().stage();
  ::umask(before);
  EXPECT_EQ(mode_of(staged.path()), 0755U);
  EXPECT_EQ(names_in(staged.path()), std::vector<std::string>());
}

TEST_F(TreeStoreTest, SideDirectoriesAreOnTheSameFileSystemAndGoWithTheStaging) {
  Store store = open();
  StagedTree staged = store.trees().stage();
  std::string work = staged.side_path("work");
  EXPECT_EQ(staged.side_path("work"), work);
  EXPECT_EQ(mode_of(work), 0700U);
  base::Fd tree = base::open_directory(staged.path());
  base::Fd side = base::open_directory(work);
  EXPECT_EQ(base::get_status(tree, "").st_dev, base::get_status(side, "").st_dev);
  std::string path = store.trees().commit(std::move(staged), diff_id_, 0);
  EXPECT_EQ(names_in(path), std::vector<std::string>());
  EXPECT_EQ(bytes_of_file(work), "(absent)");
}

TEST_F(TreeStoreTest, AnAbandonedStagingIsMovedToTheTrash) {
  Store store = open();
  std::string path;
  {
    StagedTree staged = store.trees().stage();
    fill(staged, "half");
    path = staged.path();
  }
  EXPECT_EQ(bytes_of_file(path + "/file"), "(absent)");
  EXPECT_EQ(names_in(file("trash")).size(), 1U);
}

TEST_F(TreeStoreTest, TheFasterTreeStays) {
  Store first = open();
  Store second = open();
  StagedTree mine = first.trees().stage();
  StagedTree theirs = second.trees().stage();
  fill(mine, "first");
  fill(theirs, "second");
  first.trees().commit(std::move(mine), diff_id_, 0);
  std::string path = second.trees().commit(std::move(theirs), diff_id_, 0);
  EXPECT_EQ(bytes_of_file(path + "/file"), "first");
}

TEST_F(TreeStoreTest, ATreeWithoutRowIsReplaced) {
  open();
  base::ensure_directory(file(cat("trees/", diff_id_.hex(), "/torn")));
  Store store = open();
  EXPECT_EQ(store.trees().find(diff_id_), std::nullopt);
  StagedTree staged = store.trees().stage();
  fill(staged, "whole");
  std::string path = store.trees().commit(std::move(staged), diff_id_, 0);
  EXPECT_EQ(names_in(path), std::vector<std::string>{"file"});
}

TEST_F(TreeStoreTest, ATreeRemovedFromOutsideIsAbsentAndCanBeMadeAgain) {
  Store store = open();
  put_layer(store, "layer");
  base::remove_tree(*store.trees().find(diff_id_));
  EXPECT_EQ(store.trees().find(diff_id_), std::nullopt);
  StagedTree staged = store.trees().stage();
  fill(staged, "again");
  EXPECT_EQ(bytes_of_file(store.trees().commit(std::move(staged), diff_id_, 0) + "/file"), "again");
}

}  // namespace
}  // namespace slipway::cache
