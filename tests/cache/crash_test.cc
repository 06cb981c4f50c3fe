// Processes that are killed in the middle, and power cuts.
#include <algorithm>
#include <random>
#include <set>
#include <span>
#include <thread>

#include "base/guarded.h"
#include "base/text.h"
#include "tests/cache/forked.h"
#include "tests/cache/store_check.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::check_store;
using testing_support::digest_of;
using testing_support::find_orphans;
using testing_support::Forked;
using testing_support::names_in;

class CrashTest : public testing_support::StoreTest {
 protected:
  // Everything that a store does, for ever, a byte of progress for each round. Words repeat, so
  // that things come again after they went.
  std::string work(unsigned seed, const base::Fd& progress) {
    std::minstd_rand random(seed);
    Store store = open();
    while (true) {
      std::string word = cat("word ", random() % 20);
      put_record(store, word);
      put_image(store, cat("config of ", word), cat("name:", random() % 5));
      store.blobs().put(std::string(random() % 100'000, 'x'));
      store.cache_dirs().use({"", word}, CacheSharing::kShared, {}, {});
      if (random() % 5 == 0) {
        store.images().remove(ImageId(base::sha256_of(cat("config of ", word))));
        // Another process's prune: what this one wrote is not held there.
        open().prune({.kinds = {ContentKind::kRecord, ContentKind::kCacheDir}}, {});
        open().empty_trash({});
      }
      base::write_all(progress, "x");
    }
  }
};

TEST_F(CrashTest, KilledAnywhereNoRowNamesMissingBytes) {
  std::random_device seed;
  for (int round = 0; round < 12; ++round) {
    unsigned number = seed();
    Forked worker([&](const base::Fd& progress) { return work(number, progress); });
    ASSERT_TRUE(worker.wait_for_progress(1 + number % 8)) << worker.result();
    // From here on it goes on working while the signal is on its way: anywhere.
    worker.kill();
    ASSERT_EQ(worker.result(), "killed");
    ASSERT_EQ(check_store(root()), "") << "seed " << number;
  }
  open().collect({});
  EXPECT_EQ(check_store(root()), "");
  EXPECT_EQ(find_orphans(root()), "");
  EXPECT_EQ(names_in(file("tmp")), std::vector<std::string>());
  EXPECT_EQ(names_in(file("trash")), std::vector<std::string>());
  // One lock for each cache directory, and that of the trash.
  EXPECT_EQ(names_in(file("locks")).size(), names_in(file("cache_dirs")).size() + 1);
}

TEST_F(CrashTest, TwoAreKilledWhileAThirdWorksOn) {
  for (int round = 0; round < 4; ++round) {
    Forked first([&](const base::Fd& progress) { return work(1, progress); });
    Forked second([&](const base::Fd& progress) { return work(2, progress); });
    Forked third([&](const base::Fd& progress) { return work(3, progress); });
    ASSERT_TRUE(first.wait_for_progress(2));
    first.kill();
    ASSERT_TRUE(second.wait_for_progress(3));
    second.kill();
    ASSERT_TRUE(third.wait_for_progress(8)) << third.result();
    third.kill();
    third.result();
    ASSERT_EQ(check_store(root()), "");
  }
}

TEST_F(CrashTest, AStepOfAKilledProcessCanBeExecutedByTheNext) {
  open();
  Forked worker([&](const base::Fd& progress) {
    Store store = open();
    StepLock lock = store.records().lock(digest_of<StepKey>("step"), {});
    StagedTree staged = store.trees().stage();
    base::write_all(progress, "x");
    StepLock never = store.records().lock(digest_of<StepKey>("step"), {});
    return std::string("not reached");
  });
  ASSERT_TRUE(worker.wait_for_progress(1));
  Store store = open();
  EXPECT_FALSE(store.records().try_lock(digest_of<StepKey>("step")).has_value());
  worker.kill();
  worker.result();
  EXPECT_TRUE(store.records().try_lock(digest_of<StepKey>("step")).has_value());
}

TEST_F(CrashTest, LeasesOfAKilledProcessEnd) {
  {
    Store store = open();
    put_record(store, "word");
  }
  Forked worker([&](const base::Fd& progress) {
    Store store = open();
    DiffId layer = digest_of<DiffId>("word");
    store.layers().hold(std::span(&layer, 1));
    base::write_all(progress, "x");
    StepLock first = store.records().lock(digest_of<StepKey>("x"), {});
    StepLock never = store.records().lock(digest_of<StepKey>("x"), {});
    return std::string("not reached");
  });
  ASSERT_TRUE(worker.wait_for_progress(1));
  EXPECT_TRUE(open().prune({}, {}).items.empty());
  worker.kill();
  worker.result();
  EXPECT_EQ(open().prune({}, {}).items.size(), 1U);
}

// A power cut loses what was written after the last sync. The witness notes which files, by inode,
// were there at a sync; the cut deletes all others. Rows may or may not have reached the disk, so
// the strictest case is checked: all of them did.
class PowerCutTest : public CrashTest {
 protected:
  using File = std::pair<std::string, std::uint64_t>;

  std::vector<File> files() const {
    std::vector<File> found;
    for (const char* folder : {"blobs/sha256", "trees"}) {
      for (const auto& entry : base::list_directory(base::open_directory(file(folder)))) {
        found.emplace_back(cat(folder, "/", entry.name), entry.inode);
      }
    }
    return found;
  }

  // With another `boot`, the machine went down in between.
  Store open_witnessed(std::string boot = "first boot") {
    return Store(root(), {.clock = clock_,
                          .sync =
                              [this](const base::Fd&) {
                                std::vector<File> now = files();
                                synced_.lock()->insert(now.begin(), now.end());
                              },
                          .boot = std::move(boot)});
  }

  void cut() {
    auto synced = synced_.lock();
    for (const File& found : files()) {
      if (!synced->contains(found)) {
        base::remove_tree(file(found.first));
      }
    }
  }

  base::Guarded<std::set<File>> synced_;
};

TEST_F(PowerCutTest, OnlySyncedBytesAreNamed) {
  {
    Store store = open_witnessed();
    put_record(store, "committed");
    store.blobs().put("placed");
    store.trees().commit(store.trees().stage(), digest_of<DiffId>("placed"), 0);
    EXPECT_NE(find_orphans(root()), "");
    cut();
    EXPECT_EQ(find_orphans(root()), "");
  }
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(PowerCutTest, OnlySyncedBytesAreNamedWhileManyWriteAndPruneTheSame) {
  {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < 4; ++thread) {
      threads.emplace_back([this, thread] {
        std::minstd_rand random(thread + 1);
        for (int round = 0; round < 15; ++round) {
          Store store = open_witnessed();
          put_record(store, cat("word ", random() % 4));
          store.blobs().put(cat("loose ", random() % 4));
          store.commit({});
          if (thread == 0) {
            open_witnessed().prune({}, {});
          }
        }
      });
    }
  }
  cut();
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(PowerCutTest, BytesOfAnOldRowAreSyncedBeforeTheyTakeTheirPlace) {
  DiffId layer = digest_of<DiffId>("word");
  {
    Store store = open();
    put_record(store, "word");
    base::remove_tree(*store.trees().find(layer));
  }
  bool absent_at_sync = false;
  Store healer(root(), {.clock = clock_, .sync = [&](const base::Fd&) {
                          absent_at_sync = names_in(file("trees")).empty();
                        }});
  StagedTree staged = healer.trees().stage();
  base::write_file_atomically(base::open_directory(staged.path()), "word", "word");
  healer.trees().commit(std::move(staged), layer, 4096);
  EXPECT_TRUE(absent_at_sync);
  EXPECT_EQ(check_store(root()), "");
}

// As a step of a build does it: its layer, index and record, without waiting for the disk.
StepKey record_soon(Store& store, std::string_view word) {
  StagedTree staged = store.trees().stage();
  base::write_file_atomically(base::open_directory(staged.path()), "word", word);
  DiffId layer = digest_of<DiffId>(word);
  store.trees().commit(std::move(staged), layer, 4096);
  Batch batch;
  base::Digest index = store.blobs().put(cat("index of ", word)).digest;
  batch.layers.push_back({.diff_id = layer, .content_id = {}, .tar_size = 1, .index_blob = index});
  StepKey key = digest_of<StepKey>(word);
  batch.records.push_back({.key = key, .diff_id = layer, .family = "step"});
  store.commit_soon(batch);
  return key;
}

[[noreturn]] void fail_to_sync(const base::Fd& /*root*/) {
  throw base::system_error(EIO, "syncfs", "disk");
}

// What a build would take from its cache.
bool can_use(Store& store, const StepKey& key) {
  std::optional<StepRecord> record = store.records().find(key);
  return record && store.layers().hold(std::span(&*record->diff_id, 1)).empty() &&
         store.trees().find(*record->diff_id);
}

TEST_F(PowerCutTest, AStepIsThereForEverybodyBeforeItIsSynced) {
  Store writer = open_witnessed();
  StepKey key = record_soon(writer, "word");
  Store reader = open_witnessed();
  EXPECT_TRUE(can_use(reader, key));
}

TEST_F(PowerCutTest, AStepThatWasNotSyncedIsForgottenAfterTheCut) {
  StepKey key = [&] {
    Store store(root(), {.clock = clock_, .sync = fail_to_sync, .boot = "first boot"});
    return record_soon(store, "word");
  }();
  cut();
  Store store = open_witnessed("second boot");
  EXPECT_FALSE(store.records().find(key));
  EXPECT_FALSE(store.trees().find(digest_of<DiffId>("word")));
  // It can be made again, and then stays.
  EXPECT_EQ(record_soon(store, "word"), key);
  store.flush();
  cut();
  Store third = open_witnessed("third boot");
  EXPECT_TRUE(can_use(third, key));
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(PowerCutTest, AStepSurvivesTheDeathOfItsProcess) {
  StepKey key = [&] {
    Store store = open_witnessed();
    return record_soon(store, "word");
  }();
  Store store = open_witnessed();
  EXPECT_TRUE(can_use(store, key));
}

// The kernel tells of a failed sync once, and the next one succeeds without the bytes.
TEST_F(PowerCutTest, WhatAFailedSyncMayHaveLostIsNotTrusted) {
  StepKey key = [&] {
    bool is_broken = true;
    Store store(root(), {.clock = clock_,
                         .sync =
                             [&](const base::Fd& folder) {
                               if (std::exchange(is_broken, false)) {
                                 fail_to_sync(folder);
                               }
                             },
                         .boot = "first boot"});
    StepKey recorded = record_soon(store, "word");
    EXPECT_THROW(store.flush(), base::Error);
    return recorded;
  }();
  Store store = open_witnessed();
  EXPECT_FALSE(store.records().find(key));
  EXPECT_FALSE(store.trees().find(digest_of<DiffId>("word")));
}

TEST_F(PowerCutTest, WhatIsCommittedLaterMakesEarlierStepsOfOthersDurable) {
  Store first = open_witnessed();
  StepKey key = record_soon(first, "word");
  {
    Store second = open_witnessed();
    put_image_of(second, "config", "name", digest_of<DiffId>("word"));
  }
  cut();
  Store after = open_witnessed("second boot");
  EXPECT_TRUE(can_use(after, key));
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(PowerCutTest, StepsAreSyncedInTheBackground) {
  base::Guarded<bool> synced(false);
  Store store(root(), {.clock = clock_,
                       .sync =
                           [&](const base::Fd&) {
                             *synced.lock() = true;
                             synced.notify_all();
                           },
                       .boot = "first boot"});
  record_soon(store, "word");
  synced.lock().wait([](bool done) { return done; });
}

TEST_F(PowerCutTest, AFailedSyncInTheBackgroundIsTold) {
  Store store(root(), {.clock = clock_, .sync = fail_to_sync, .boot = "first boot"});
  record_soon(store, "word");
  EXPECT_THROW(store.flush(), base::Error);
}

}  // namespace
}  // namespace slipway::cache
