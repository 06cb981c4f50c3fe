#include "cache/kept/kept_table.h"

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::bytes_of_file;
using testing_support::digest_of;
using testing_support::error_kind_of;
using testing_support::names_in;

class KeptTableTest : public testing_support::StoreTest {
 protected:
  // A tree with the word in a file.
  static StagedTree staged_tree(Store& store, std::string_view word) {
    StagedTree staged = store.trees().stage();
    staged.side_path("work");
    base::write_file_atomically(base::open_directory(staged.path()), "word", word);
    return staged;
  }
  static bool keep(Store& store, KeptKind kind, std::string_view name,
                   std::vector<DiffId> layers = {}, std::string_view id = "") {
    StagedTree staged = staged_tree(store, name);
    KeptRow row{.id = id.empty() ? KeptTable::make_id() : digest_of<KeptId>(id),
                .kind = kind,
                .name = std::string(name),
                .created = {},
                .document = "{}",
                .layers = std::move(layers)};
    return store.kept().keep(staged, std::move(row), {});
  }
  static std::string names_of(Store& store, KeptKind kind) {
    std::vector<std::string> names;
    for (const KeptRow& row : store.kept().list(kind)) {
      names.push_back(row.name);
    }
    return base::join(names, " ");
  }
  static std::string pruned(Store& store, PruneOptions options) {
    std::vector<std::string> names;
    for (const PrunedItem& item : store.prune(options, {}).items) {
      names.push_back(item.name);
    }
    return base::join(names, " ");
  }
};

TEST_F(KeptTableTest, AKeptTreeIsFoundByNameAndByIdWithItsContent) {
  {
    Store store = open();
    EXPECT_TRUE(keep(store, KeptKind::kContainer, "box", {}, "x"));
  }
  Store store = open();
  KeptId id = digest_of<KeptId>("x");
  for (const std::string& text : {std::string("box"), id.hex().substr(0, 6), id.text()}) {
    std::optional<KeptRow> found = store.kept().find(KeptKind::kContainer, text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->id, id);
    EXPECT_GE(found->size, 3U);
  }
  EXPECT_FALSE(store.kept().find(KeptKind::kFailedStep, "box"));
  EXPECT_FALSE(store.kept().find(KeptKind::kContainer, ""));
  std::optional<std::string> path = store.kept().hold(id);
  ASSERT_TRUE(path);
  EXPECT_EQ(bytes_of_file(*path + "/word"), "box");
  EXPECT_EQ(names_in(file("tmp")).size(), 2U);  // ours, and its lock: the staging is gone
}

TEST_F(KeptTableTest, TheNameOfAContainerIsItsOwnThatOfABuildIsShared) {
  Store store = open();
  EXPECT_TRUE(keep(store, KeptKind::kContainer, "box"));
  EXPECT_FALSE(keep(store, KeptKind::kContainer, "box"));
  EXPECT_TRUE(keep(store, KeptKind::kContainer, ""));
  EXPECT_TRUE(keep(store, KeptKind::kContainer, ""));
  EXPECT_TRUE(keep(store, KeptKind::kFailedStep, "box"));
  EXPECT_TRUE(keep(store, KeptKind::kFailedStep, "box"));
  EXPECT_EQ(names_in(file("kept")).size(), 5U);
}

TEST_F(KeptTableTest, ItsLayersStayAsLongAsItDoes) {
  DiffId layer = digest_of<DiffId>("layer");
  {
    Store store = open();
    put_layer(store, "layer");
    keep(store, KeptKind::kContainer, "box", {layer, layer});
  }
  open().collect({});
  Store store = open();
  EXPECT_NE(store.trees().find(layer), std::nullopt);
  EXPECT_TRUE(store.kept().remove(store.kept().find(KeptKind::kContainer, "box")->id));
  store.collect({});
  EXPECT_EQ(store.trees().find(layer), std::nullopt);
  EXPECT_EQ(names_in(file("kept")).size(), 0U);
}

TEST_F(KeptTableTest, ALayerThatIsNotThereIsRefusedAndNothingIsMoved) {
  Store store = open();
  EXPECT_EQ(
      error_kind_of([&] { keep(store, KeptKind::kContainer, "a", {digest_of<DiffId>("gone")}); }),
      base::ErrorKind::kInternal);
  EXPECT_EQ(names_in(file("kept")).size(), 0U);
}

TEST_F(KeptTableTest, WhatIsHeldIsNotRemoved) {
  Store holder = open();
  Store other = open();
  keep(holder, KeptKind::kFailedStep, "build", {}, "x");
  ASSERT_TRUE(holder.kept().hold(digest_of<KeptId>("x")));
  EXPECT_FALSE(other.kept().remove(digest_of<KeptId>("x")));
  EXPECT_EQ(pruned(other, {}), "");
  other.kept().shrink(KeptKind::kFailedStep, {.count = 0, .bytes = 0});
  EXPECT_EQ(names_of(other, KeptKind::kFailedStep), "build");
}

TEST_F(KeptTableTest, ATreeThatIsGoneIsAbsent) {
  Store store = open();
  keep(store, KeptKind::kFailedStep, "build", {}, "x");
  base::remove_tree(file(cat("kept/", digest_of<KeptId>("x").hex())));
  EXPECT_EQ(names_of(store, KeptKind::kFailedStep), "");
  EXPECT_EQ(store.kept().hold(digest_of<KeptId>("x")), std::nullopt);
}

TEST_F(KeptTableTest, TheOldestGoFirst) {
  Store store = open();
  for (const char* name : {"one", "two", "three"}) {
    keep(store, KeptKind::kFailedStep, name);
    clock_->step_seconds(1);
  }
  store.kept().shrink(KeptKind::kFailedStep, {.count = 2, .bytes = 1 << 30});
  EXPECT_EQ(names_of(store, KeptKind::kFailedStep), "three two");
  store.kept().shrink(KeptKind::kFailedStep, {.count = 2, .bytes = 5000});
  EXPECT_EQ(names_of(store, KeptKind::kFailedStep), "three");
}

TEST_F(KeptTableTest, PruneTakesFailedStepsFirstAndContainersOnlyWhenAsked) {
  {
    Store store = open();
    put_record(store, "record", 1);
    keep(store, KeptKind::kContainer, "box");
    keep(store, KeptKind::kFailedStep, "build");
  }
  Store store = open();
  store.collect({});
  EXPECT_EQ(pruned(store, {.keep_bytes = store.usage({}).total_bytes() - 1}), "build");
  EXPECT_EQ(names_of(store, KeptKind::kContainer), "box");
  EXPECT_EQ(pruned(store, {.kinds = {ContentKind::kContainer}}), "box");
  EXPECT_EQ(names_in(file("kept")).size(), 0U);
}

TEST_F(KeptTableTest, FoldersWithoutARowAreCollected) {
  Store store = open();
  base::ensure_directory(file(cat("kept/", digest_of<KeptId>("x").hex(), "/sub")));
  base::ensure_directory(file("kept/other"));
  store.collect({});
  EXPECT_EQ(names_in(file("kept")).size(), 0U);
}

}  // namespace
}  // namespace slipway::cache
