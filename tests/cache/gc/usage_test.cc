#include "cache/gc/usage.h"

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;

constexpr std::uint64_t kTreeBytes = 4096;

class UsageTest : public testing_support::StoreTest {
 protected:
  // One line per kind that is not empty: "images: 1, 4102 bytes, 4102 reclaimable".
  std::string usage() {
    std::string lines;
    for (const KindUsage& kind : open().usage({}).kinds) {
      if (kind.count > 0 || kind.bytes > 0) {
        lines += cat(text_of(kind.kind), ": ", kind.count, ", ", kind.in_use, " in use, ",
                     kind.bytes, " bytes, ", kind.reclaimable_bytes, " reclaimable\n");
      }
    }
    return lines;
  }
};

TEST_F(UsageTest, ANewStoreHoldsNothing) {
  EXPECT_EQ(usage(), "");
  EXPECT_GT(open().usage({}).database_bytes, 0U);
}

TEST_F(UsageTest, EachKindCountsItsOwn) {
  {
    Store store = open();
    put_image(store, "named", "app:1");
    put_image(store, "dangling", "");
    put_record(store, "step");
    store.stat_cache("/home").replace(std::string(5000, 'x'));
    CacheDirUse use = store.cache_dirs().use({"", "id"}, CacheSharing::kShared, {}, {});
    base::write_file_atomically(base::open_directory(use.path()), "file", std::string(5000, 'x'));
    store.blobs().put("garbage");
    store.commit({});
  }
  std::uint64_t folder_bytes = 0;
  for (const KindUsage& kind : open().usage({}).kinds) {
    if (kind.kind == ContentKind::kCacheDir) {
      folder_bytes = kind.bytes;
    }
  }
  EXPECT_GE(folder_bytes, 8192U);
  EXPECT_EQ(usage(), cat("images: 1, 0 in use, 4101 bytes, 4101 reclaimable\n",
                         "dangling images: 1, 0 in use, 4104 bytes, 4104 reclaimable\n",
                         "build cache: 1, 0 in use, 4096 bytes, 4096 reclaimable\n",
                         "cache mounts: 1, 0 in use, ", folder_bytes, " bytes, ", folder_bytes,
                         " reclaimable\n", "contexts: 1, 0 in use, 8192 bytes, 8192 reclaimable\n",
                         "garbage: 1, 0 in use, 7 bytes, 7 reclaimable\n"));
}

TEST_F(UsageTest, BytesThatSeveralNeedCountOnceAndFreeOnlyWithTheLast) {
  {
    Store store = open();
    DiffId layer = put_layer(store, "layer");
    put_image_of(store, "12345", "app:1", layer);
    Batch batch;
    batch.records = {{.key = testing_support::digest_of<StepKey>("step"), .diff_id = layer}};
    store.commit(batch);
  }
  EXPECT_EQ(usage(), cat("images: 1, 0 in use, ", kTreeBytes + 5, " bytes, 5 reclaimable\n",
                         "build cache: 1, 0 in use, 0 bytes, 0 reclaimable\n"));
}

TEST_F(UsageTest, WhatARunningProcessNeedsIsNotReclaimable) {
  Store store = open();
  put_record(store, "step");
  EXPECT_EQ(usage().find("build cache: 1, 1 in use, "), 0U) << usage();
  EXPECT_NE(usage().find(" 0 reclaimable"), std::string::npos) << usage();
}

TEST_F(UsageTest, BytesOnTheirWayInAreNoGarbage) {
  Store store = open();
  store.blobs().put(std::string(100'000, 'x'));
  EXPECT_EQ(usage().find("garbage"), std::string::npos) << usage();
}

}  // namespace
}  // namespace slipway::cache
