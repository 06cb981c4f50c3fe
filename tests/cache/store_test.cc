#include "cache/store.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::ErrorKind;
using testing_support::digest_of;
using testing_support::error_kind_of;
using testing_support::names_in;

class StoreCommitTest : public testing_support::StoreTest {
 protected:
  // A store that counts its syncs.
  Store open_counting() {
    return Store(root(), {.clock = clock_, .sync = [this](const base::Fd&) { ++syncs_; }});
  }
  int syncs_ = 0;
};

TEST_F(StoreCommitTest, OneSyncForAllBytesOfACommit) {
  Store store = open_counting();
  store.blobs().put("one");
  store.blobs().put("two");
  store.trees().commit(store.trees().stage(), digest_of<DiffId>("tree"), 0);
  EXPECT_EQ(syncs_, 0);
  store.commit({});
  EXPECT_EQ(syncs_, 1);
}

TEST_F(StoreCommitTest, WritesBackAtOnceOnAThreadOfItsOwn) {
  std::atomic<int> syncs = 0;
  Store store(root(), {.clock = clock_, .sync = [&](const base::Fd&) { ++syncs; }});
  store.blobs().put("one");
  store.begin_write_back();
  while (syncs == 0) {
    std::this_thread::yield();
  }
  store.commit({});
  EXPECT_EQ(syncs, 2);
}

TEST_F(StoreCommitTest, ACommitTellsThatWritingBackFailed) {
  Store store(root(), {.clock = clock_, .sync = [](const base::Fd&) {
                         throw base::system_error(EIO, "syncfs", "disk");
                       }});
  store.begin_write_back();
  std::string error = "no error";
  while (error == "no error") {
    error = testing_support::error_of([&] { store.commit_soon({}); });
  }
  EXPECT_EQ(error, cat("syncfs disk: Input/output error\n  while writing to the store ", root()));
}

TEST_F(StoreCommitTest, RowsAloneNeedNoSync) {
  Store store = open_counting();
  put_image(store, "config", "a:1");
  syncs_ = 0;
  Batch batch;
  batch.names.push_back({"a:2", ImageId(base::sha256_of("config")), {}});
  store.commit(batch);
  EXPECT_EQ(syncs_, 0);
}

TEST_F(StoreCommitTest, BytesThatAreThereAlreadyNeedNoSync) {
  {
    Store store = open_counting();
    store.blobs().put("one");
    store.commit({});
  }
  syncs_ = 0;
  Store store = open_counting();
  store.blobs().put("one");
  store.commit({});
  EXPECT_EQ(syncs_, 0);
}

TEST_F(StoreCommitTest, AFailedSyncNamesNothing) {
  bool broken = true;
  Store store(root(), {.clock = clock_, .sync = [&](const base::Fd&) {
                         if (broken) {
                           throw base::system_error(EIO, "syncfs", "disk");
                         }
                       }});
  base::Digest digest = store.blobs().put("one").digest;
  Batch batch;
  batch.records.push_back({.key = digest_of<StepKey>("step")});
  EXPECT_EQ(testing_support::error_of([&] { store.commit(batch); }),
            cat("syncfs disk: Input/output error\n  while writing to the store ", root()));
  EXPECT_FALSE(open().blobs().has(digest));
  EXPECT_EQ(open().records().find(digest_of<StepKey>("step")), std::nullopt);
  broken = false;
  store.commit(batch);
  EXPECT_TRUE(open().blobs().has(digest));
}

TEST_F(StoreCommitTest, ABatchThatNamesAMissingBlobChangesNothing) {
  Store store = open();
  Batch batch;
  batch.records.push_back({.key = digest_of<StepKey>("good")});
  batch.records.push_back({.key = digest_of<StepKey>("bad"), .log_blob = base::sha256_of("none")});
  EXPECT_EQ(error_kind_of([&] { store.commit(batch); }), ErrorKind::kInternal);
  EXPECT_EQ(store.records().find(digest_of<StepKey>("good")), std::nullopt);
  batch.records.pop_back();
  store.commit(batch);
  EXPECT_TRUE(store.records().find(digest_of<StepKey>("good")).has_value());
}

TEST_F(StoreCommitTest, ARowMayNameWhatComesWithItInTheBatch) {
  Store store = open();
  auto diff_id = digest_of<DiffId>("layer");
  ImageId image(store.blobs().put("config").digest);
  base::Digest index = store.blobs().put("index").digest;
  Batch batch;
  batch.names = {{"app:1", image, {}}, {"app:2", index, {}}};
  batch.indexes = {{.index = {index, "type"}, .images = {image}}};
  batch.images = {{.id = image, .layers = {diff_id}}};
  batch.built_manifests = {{image, "gzip", {store.blobs().put("manifest").digest, "type"}}};
  batch.records = {{.key = digest_of<StepKey>("step"), .diff_id = diff_id}};
  batch.layers = {{.diff_id = diff_id, .index_blob = store.blobs().put("entries").digest}};
  store.commit(batch);
  EXPECT_EQ(open().images().find_name("app:2")->target, NameTarget(index));
}

TEST_F(StoreCommitTest, ManyThreadsCommitAtOnce) {
  Store store = open();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int number = 0; number < 10; ++number) {
          put_record(store, cat(thread, " ", number));
        }
      });
    }
  }
  EXPECT_EQ(open().records().list(1000).size(), 80U);
}

TEST_F(StoreCommitTest, ScratchDirectoriesGoWithTheStore) {
  std::string path;
  {
    Store store = open();
    path = store.scratch_directory("x-").keep();
    EXPECT_EQ(names_in(path), std::vector<std::string>());
  }
  EXPECT_EQ(testing_support::bytes_of_file(path), "(absent)");
  EXPECT_EQ(names_in(file("tmp")), std::vector<std::string>());
}

TEST_F(StoreCommitTest, AStoreCanBeMoved) {
  Store first = open();
  base::Digest digest = first.blobs().put("bytes").digest;
  Store second = std::move(first);
  EXPECT_TRUE(second.blobs().has(digest));
  second.commit({});
  EXPECT_TRUE(open().blobs().has(digest));
}

}  // namespace
}  // namespace slipway::cache
