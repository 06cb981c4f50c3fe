#include "cache/gc/prune.h"

#include <algorithm>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::digest_of;
using testing_support::names_in;

constexpr std::int64_t kDay = 24 * 3600;
// What the fixture says that a layer's tree takes.
constexpr std::uint64_t kTreeBytes = 4096;

class PruneTest : public testing_support::StoreTest {
 protected:
  void record(std::string_view word, std::int64_t duration_ns = 1'000'000) {
    Store store = open();
    put_record(store, word, duration_ns);
  }
  void image(std::string_view config, const std::string& name) {
    Store store = open();
    put_image(store, config, name);
  }
  // What went, by the names for people, in order.
  std::vector<std::string> prune(const PruneOptions& options) {
    std::vector<std::string> names;
    for (const PrunedItem& item : open().prune(options, {}).items) {
      names.push_back(item.name.empty() ? item.id : item.name);
    }
    return names;
  }
  std::vector<std::string> records_left() {
    std::vector<std::string> names;
    for (const RecordTable::Listed& listed : open().records().list(1000)) {
      names.push_back(listed.record.family);
    }
    std::ranges::sort(names);
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_F(PruneTest, TakesBuildCacheAndDanglingImagesOnly) {
  record("step");
  image("dangling", "");
  image("named", "app:1");
  open().stat_cache("/home").replace("x");
  open().cache_dirs().use({"", "id"}, CacheSharing::kShared, {}, {});
  EXPECT_EQ(prune({}).size(), 2U);
  EXPECT_EQ(open().images().list().size(), 1U);
  EXPECT_EQ(names_in(file("trees")), Names{std::string(base::sha256_of("named layer").hex())});
  EXPECT_TRUE(open().stat_cache("/home").open().has_value());
  EXPECT_EQ(open().cache_dirs().list().size(), 1U);
}

TEST_F(PruneTest, TakesEverythingWhenAllKindsAreWanted) {
  record("step");
  image("named", "app:1");
  open().stat_cache("/home").replace("x");
  open().cache_dirs().use({"", "id"}, CacheSharing::kShared, {}, {});
  EXPECT_EQ(prune({.kinds = {ContentKind::kImage, ContentKind::kDanglingImage, ContentKind::kRecord,
                             ContentKind::kCacheDir, ContentKind::kContext}})
                .size(),
            4U);
  for (const char* folder :
       {"blobs/sha256", "trees", "trash", "tmp", "cache_dirs", "stat_caches"}) {
    EXPECT_EQ(names_in(file(folder)), Names()) << folder;
  }
  EXPECT_TRUE(open().images().names().empty());
}

TEST_F(PruneTest, KeepsWhatWasUsedLately) {
  record("old");
  record("old but used");
  clock_->step_seconds(10 * kDay);
  record("new");
  {
    Store store = open();
    store.records().find(digest_of<StepKey>("old but used"));
    store.flush();
  }
  clock_->step_seconds(kDay);
  EXPECT_EQ(prune({.unused_for_seconds = 5 * kDay}), Names{"old"});
  EXPECT_EQ(records_left(), (Names{"new", "old but used"}));
}

TEST_F(PruneTest, TheLeastValuableGoesFirst) {
  record("dear", 60'000'000'000);
  record("cheap", 1'000'000);
  record("middling", 1'000'000'000);
  clock_->step_seconds(kDay);
  EXPECT_EQ(prune({}), (Names{"cheap", "middling", "dear"}));
}

// Rows are deleted in the order in which they lie there, which nobody is told of.
TEST_F(PruneTest, ThousandsAreToldInTheOrderOfTheirValue) {
  constexpr int kCount = 4500;
  Names expected;
  {
    Store store = open();
    Batch batch;
    for (int number = 0; number < kCount; ++number) {
      std::string name = cat("step ", number);
      batch.records.push_back({.key = digest_of<StepKey>(name),
                               .duration_ns = 1000 * (kCount - number),
                               .family = name});
      expected.insert(expected.begin(), name);
    }
    store.commit(batch);
  }
  EXPECT_EQ(prune({}), expected);
  EXPECT_EQ(records_left(), Names());
}

TEST_F(PruneTest, OfEqualCostTheLongestUnusedGoesFirst) {
  record("z oldest");
  clock_->step_seconds(kDay);
  record("m middle");
  clock_->step_seconds(kDay);
  record("a newest");
  EXPECT_EQ(prune({}), (Names{"z oldest", "m middle", "a newest"}));
}

TEST_F(PruneTest, StopsWhenTheStoreIsSmallEnough) {
  for (const char* word : {"1", "2", "3", "4"}) {
    record(word);
    clock_->step_seconds(kDay);
  }
  std::uint64_t total = open().usage({}).total_bytes();
  EXPECT_EQ(prune({.keep_bytes = total}), Names());
  EXPECT_EQ(prune({.keep_bytes = total - kTreeBytes - 1}), (Names{"1", "2"}));
  EXPECT_EQ(records_left(), (Names{"3", "4"}));
}

TEST_F(PruneTest, FreeSpaceIsALimitToo) {
  record("step");
  EXPECT_EQ(prune({.free_bytes_min = 1}), Names());
  EXPECT_EQ(prune({.free_bytes_min = UINT64_MAX}), Names{"step"});
}

TEST_F(PruneTest, ADryRunChangesNothing) {
  record("step");
  PruneResult result = open().prune({.dry_run = true}, {});
  ASSERT_EQ(result.items.size(), 1U);
  EXPECT_EQ(result.items[0].bytes, kTreeBytes);
  EXPECT_EQ(result.freed_bytes, kTreeBytes);
  EXPECT_EQ(records_left(), Names{"step"});
  EXPECT_EQ(names_in(file("trees")).size(), 1U);
}

TEST_F(PruneTest, SharedBytesAreFreedByTheLastWhoNeedsThem) {
  Store store = open();
  DiffId layer = put_layer(store, "shared");
  Batch batch;
  for (const char* word : {"one", "two"}) {
    batch.records.push_back(
        {.key = digest_of<StepKey>(word), .diff_id = layer, .duration_ns = 5, .family = word});
  }
  store.commit(batch);
  {
    Store closed = std::move(store);
  }
  PruneResult result = open().prune({}, {});
  ASSERT_EQ(result.items.size(), 2U);
  EXPECT_EQ(result.items[0].bytes, 0U);
  EXPECT_EQ(result.items[1].bytes, kTreeBytes);
}

TEST_F(PruneTest, ALayerOfAnImageOutlivesItsRecord) {
  {
    Store store = open();
    put_image_of(store, "config", "app:1", put_layer(store, "layer"));
    put_record(store, "layer");
  }
  EXPECT_EQ(prune({}), Names{"layer"});
  EXPECT_EQ(names_in(file("trees")).size(), 1U);
}

TEST_F(PruneTest, WhatARunningBuildHoldsStays) {
  record("held");
  record("free");
  image("held image", "");
  Store build = open();
  DiffId layer = digest_of<DiffId>("held");
  build.layers().hold(std::span(&layer, 1));
  build.blobs().hold(base::sha256_of("held image"));
  EXPECT_EQ(prune({}), Names{"free"});
  EXPECT_EQ(records_left(), Names{"held"});
  EXPECT_EQ(open().images().list().size(), 1U);
}

TEST_F(PruneTest, ACacheDirectoryInUseStays) {
  Store store = open();
  CacheDirUse use = store.cache_dirs().use({"", "used"}, CacheSharing::kShared, {}, {});
  {
    CacheDirUse other = store.cache_dirs().use({"", "idle"}, CacheSharing::kShared, {}, {});
  }
  EXPECT_EQ(prune({.kinds = {ContentKind::kCacheDir}}), Names{"idle"});
}

TEST_F(PruneTest, GarbageAlwaysGoesAndCounts) {
  {
    Store store = open();
    store.blobs().put(std::string(10'000, 'x'));
    store.commit({});
  }
  PruneResult result = open().prune({.kinds = {}}, {});
  EXPECT_TRUE(result.items.empty());
  EXPECT_EQ(result.freed_bytes, 10'000U);
  EXPECT_EQ(names_in(file("blobs/sha256")), Names());
}

TEST_F(PruneTest, AnImageOfANamedIndexIsNotDangling) {
  {
    Store store = open();
    ImageId id = put_image(store, "member", "");
    base::Digest index = store.blobs().put("index").digest;
    Batch batch;
    batch.indexes = {{.index = {index, "type"}, .images = {id}}};
    batch.names = {{"multi:1", index, {}}};
    store.commit(batch);
  }
  EXPECT_EQ(prune({}), Names());
  EXPECT_EQ(prune({.kinds = {ContentKind::kImage}}), Names{"multi:1"});
  EXPECT_TRUE(open().images().names().empty());
  EXPECT_EQ(names_in(file("blobs/sha256")), Names());
}

}  // namespace
}  // namespace slipway::cache
