#include "cache/records/record_table.h"

#include <atomic>
#include <thread>

#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::ErrorKind;
using testing_support::digest_of;
using testing_support::error_kind_of;

class RecordTableTest : public testing_support::StoreTest {
 protected:
  static void commit(Store& store, const StepRecord& record) {
    Batch batch;
    batch.records.push_back(record);
    store.commit(batch);
  }
  StepKey key_ = digest_of<StepKey>("step");
};

TEST_F(RecordTableTest, ARecordComesBackAsItWasWritten) {
  Store store = open();
  StepRecord record{.key = key_,
                    .diff_id = put_layer(store, "layer"),
                    .content_id = digest_of<ContentId>("content"),
                    .created = {1'700'000'000, 7},
                    .duration_ns = 1'500'000'000,
                    .log_blob = store.blobs().put("log").digest,
                    .family = "RUN make",
                    .parts = std::string("a\0b\n", 4)};
  commit(store, record);
  EXPECT_EQ(store.records().find(key_), record);
  EXPECT_EQ(open().records().find(key_), record);
  EXPECT_EQ(store.records().find(digest_of<StepKey>("other")), std::nullopt);
}

TEST_F(RecordTableTest, AStepWithoutLayerHasARecordToo) {
  Store store = open();
  StepRecord record{.key = key_, .created = {5, 0}};
  commit(store, record);
  EXPECT_EQ(store.records().find(key_), record);
}

TEST_F(RecordTableTest, ANewResultReplacesTheOld) {
  Store store = open();
  commit(store, {.key = key_, .duration_ns = 1});
  commit(store, {.key = key_, .duration_ns = 2});
  EXPECT_EQ(store.records().find(key_)->duration_ns, 2);
  EXPECT_EQ(store.records().list(10).size(), 1U);
}

TEST_F(RecordTableTest, AnOutlineIsKnownAsLongAsARecordOfItIsThere) {
  Store store = open();
  StepKey outline = digest_of<StepKey>("outline");
  StepKey other_key = digest_of<StepKey>("other");
  EXPECT_FALSE(store.records().knows_outline(outline));
  for (const StepKey& key : {key_, key_, other_key}) {
    Batch batch;
    batch.records.push_back({.key = key});
    batch.step_outlines.push_back({outline, key});
    store.commit(batch);
  }
  EXPECT_TRUE(store.records().knows_outline(outline));
  EXPECT_FALSE(store.records().knows_outline(key_));
  store.records().remove(key_);
  EXPECT_TRUE(store.records().knows_outline(outline));
  store.records().remove(other_key);
  EXPECT_FALSE(store.records().knows_outline(outline));
}

TEST_F(RecordTableTest, TheLatestOfAFamilyIsTheLastUsed) {
  Store store = open();
  commit(store, {.key = digest_of<StepKey>("one"), .family = "RUN make"});
  clock_->step_seconds(3600);
  commit(store, {.key = digest_of<StepKey>("two"), .family = "RUN make"});
  EXPECT_EQ(store.records().find_latest("RUN make")->key, digest_of<StepKey>("two"));
  clock_->step_seconds(3600);
  store.records().find(digest_of<StepKey>("one"));
  store.flush();
  EXPECT_EQ(store.records().find_latest("RUN make")->key, digest_of<StepKey>("one"));
  EXPECT_EQ(store.records().find_latest("RUN other"), std::nullopt);
}

TEST_F(RecordTableTest, ListsTheLastUsedFirst) {
  Store store = open();
  for (const char* word : {"one", "two", "three"}) {
    commit(store, {.key = digest_of<StepKey>(word), .family = word});
    clock_->step_seconds(100);
  }
  std::vector<RecordTable::Listed> listed = store.records().list(2);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].record.family, "three");
  EXPECT_EQ(listed[1].record.family, "two");
  EXPECT_EQ(listed[0].last_use.seconds, clock_->now().seconds - 100);
}

TEST_F(RecordTableTest, LookingUpWritesNothingUntilTheFlush) {
  Store store = open();
  commit(store, {.key = key_});
  base::Timestamp written = clock_->now();
  clock_->step_seconds(3600);
  store.records().find(key_);
  EXPECT_EQ(open().records().list(1).at(0).last_use, written);
  store.flush();
  EXPECT_EQ(open().records().list(1).at(0).last_use, clock_->now());
}

TEST_F(RecordTableTest, ARemovedRecordIsGone) {
  Store store = open();
  commit(store, {.key = key_});
  EXPECT_TRUE(store.records().remove(key_));
  EXPECT_FALSE(store.records().remove(key_));
  EXPECT_EQ(store.records().find(key_), std::nullopt);
}

TEST_F(RecordTableTest, OneHolderOfAStepLockAtATime) {
  Store first = open();
  Store second = open();
  {
    StepLock lock = first.records().lock(key_, {});
    EXPECT_FALSE(second.records().try_lock(key_).has_value());
    EXPECT_FALSE(first.records().try_lock(key_).has_value());
    EXPECT_TRUE(second.records().try_lock(digest_of<StepKey>("other")).has_value());
  }
  EXPECT_TRUE(second.records().try_lock(key_).has_value());
}

TEST_F(RecordTableTest, WhoWaitsForAStepFindsItsRecord) {
  Store store = open();
  std::atomic<int> executed = 0;
  auto build = [&] {
    Store own = open();
    StepLock lock = own.records().lock(key_, {});
    if (!own.records().find(key_)) {
      ++executed;
      commit(own, {.key = key_});
    }
  };
  {
    std::vector<std::jthread> builds;
    for (int count = 0; count < 6; ++count) {
      builds.emplace_back(build);
    }
  }
  EXPECT_EQ(executed, 1);
}

TEST_F(RecordTableTest, WaitingForAStepCanBeCancelled) {
  Store store = open();
  StepLock lock = store.records().lock(key_, {});
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  EXPECT_EQ(error_kind_of([&] { store.records().lock(key_, stop.get_token()); }),
            ErrorKind::kCancelled);
}

}  // namespace
}  // namespace slipway::cache
