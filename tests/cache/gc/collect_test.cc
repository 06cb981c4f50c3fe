#include "cache/gc/collect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::Digest;
using testing_support::digest_of;
using testing_support::names_in;

class CollectTest : public testing_support::StoreTest {
 protected:
  void collect() { open().collect({}); }
  bool has_blob(const Digest& digest) { return open().blobs().has(digest); }
  bool has_tree(const DiffId& diff_id) { return open().trees().find(diff_id).has_value(); }
};

TEST_F(CollectTest, WhatNothingNamesGoes) {
  Digest blob = base::sha256_of("lonely");
  DiffId layer = digest_of<DiffId>("lonely layer");
  {
    Store store = open();
    store.blobs().put("lonely");
    put_layer(store, "lonely layer");
  }
  EXPECT_TRUE(has_blob(blob));
  EXPECT_TRUE(has_tree(layer));
  collect();
  EXPECT_FALSE(has_blob(blob));
  EXPECT_FALSE(has_tree(layer));
  EXPECT_EQ(open().layers().find(layer), std::nullopt);
  for (const char* folder : {"blobs/sha256", "trees", "trash", "tmp"}) {
    EXPECT_EQ(names_in(file(folder)), std::vector<std::string>()) << folder;
  }
}

TEST_F(CollectTest, WhatARecordNamesStays) {
  DiffId layer = digest_of<DiffId>("layer");
  std::vector<Digest> kept;
  {
    Store store = open();
    kept = {store.blobs().put("log").digest, store.blobs().put("entries").digest,
            store.blobs().put("gzip").digest};
    Batch batch;
    put_layer(store, "layer");
    batch.layers = {{.diff_id = layer, .index_blob = kept[1]}};
    batch.layer_blobs = {{.diff_id = layer, .encoder = "gzip", .blob = {kept[2], 4}}};
    batch.records = {{.key = digest_of<StepKey>("step"), .diff_id = layer, .log_blob = kept[0]}};
    store.commit(batch);
  }
  collect();
  EXPECT_TRUE(has_tree(layer));
  for (const Digest& blob : kept) {
    EXPECT_TRUE(has_blob(blob));
  }
  open().records().remove(digest_of<StepKey>("step"));
  collect();
  EXPECT_FALSE(has_tree(layer));
  EXPECT_EQ(names_in(file("blobs/sha256")), std::vector<std::string>());
}

// The tar that a patch takes from stays also when the layer that it was made for is gone.
TEST_F(CollectTest, WhatAPatchTakesFromStays) {
  DiffId patched = digest_of<DiffId>("patched");
  Digest patch = base::sha256_of("patch");
  Digest older = base::sha256_of("older tar");
  {
    Store store = open();
    store.blobs().put("patch");
    store.blobs().put("older tar");
    Batch batch;
    batch.layers = {{.diff_id = DiffId(older)}, {.diff_id = patched}};
    batch.layer_patches = {{patched, {patch, older}}};
    batch.records = {{.key = digest_of<StepKey>("step"), .diff_id = patched}};
    store.commit(batch);
  }
  collect();
  EXPECT_EQ(open().layers().find(DiffId(older)), std::nullopt);
  EXPECT_EQ(open().layers().patch_blobs(patched), (std::vector<Digest>{patch, older}));
  EXPECT_TRUE(has_blob(patch));
  EXPECT_TRUE(has_blob(older));
  open().records().remove(digest_of<StepKey>("step"));
  collect();
  EXPECT_EQ(names_in(file("blobs/sha256")), std::vector<std::string>());
}

TEST_F(CollectTest, WhatAnImageNamesStays) {
  std::vector<Digest> kept;
  ImageId id(base::sha256_of("config"));
  {
    Store store = open();
    for (const char* text : {"config", "received", "attestation", "built", "about it", "said"}) {
      kept.push_back(store.blobs().put(text).digest);
    }
    DiffId layer = digest_of<DiffId>("plain tar");
    // The uncompressed tar: a blob whose digest is the diff ID.
    kept.push_back(store.blobs().put("plain tar").digest);
    Batch batch;
    batch.images = {{.id = id,
                     .layers = {layer},
                     .received = ManifestRef{kept[1], "type"},
                     .other_blobs = {kept[2]}}};
    batch.built_manifests = {{id, "gzip", {kept[3], "type"}}};
    batch.referrers = {{id, {kept[4], "type"}, kept[1], {kept[5]}}};
    store.commit(batch);
  }
  collect();
  for (const Digest& blob : kept) {
    EXPECT_TRUE(has_blob(blob)) << blob.text();
  }
  open().images().remove(id);
  collect();
  EXPECT_EQ(names_in(file("blobs/sha256")), std::vector<std::string>());
}

TEST_F(CollectTest, ANamedIndexStaysAndAnUnnamedOneGoes) {
  Digest index = base::sha256_of("index");
  Digest member = base::sha256_of("member");
  {
    Store store = open();
    store.blobs().put("index");
    store.blobs().put("member");
    Batch batch;
    batch.indexes = {{.index = {index, "type"}, .other_blobs = {member}}};
    batch.names = {{"multi:1", index, {}}};
    store.commit(batch);
  }
  collect();
  EXPECT_TRUE(has_blob(index));
  EXPECT_TRUE(has_blob(member));
  open().images().remove_name("multi:1");
  collect();
  EXPECT_FALSE(has_blob(index));
  EXPECT_FALSE(has_blob(member));
}

TEST_F(CollectTest, WhatARunningStoreWroteOrHoldsStays) {
  DiffId old_layer = digest_of<DiffId>("old layer");
  Digest old_blob = base::sha256_of("old blob");
  Store running = open();
  {
    Store before = open();
    before.blobs().put("old blob");
    put_layer(before, "old layer");
    EXPECT_TRUE(running.blobs().hold(old_blob));
    EXPECT_TRUE(running.layers().hold(std::span(&old_layer, 1)).empty());
  }
  Digest placed = running.blobs().put("not committed").digest;
  DiffId placed_tree = digest_of<DiffId>("not committed tree");
  running.trees().commit(running.trees().stage(), placed_tree, 0);
  Digest written = open().blobs().put("x").digest;
  collect();
  EXPECT_TRUE(has_tree(old_layer));
  EXPECT_TRUE(has_blob(old_blob));
  EXPECT_FALSE(has_blob(written));
  EXPECT_TRUE(running.blobs().has(placed));
  EXPECT_TRUE(running.trees().find(placed_tree).has_value());
  running.commit({});
  collect();
  EXPECT_TRUE(has_blob(placed));
  EXPECT_TRUE(has_tree(placed_tree));
}

TEST_F(CollectTest, AHoldEndsWithItsStore) {
  DiffId layer = digest_of<DiffId>("layer");
  {
    Store store = open();
    put_layer(store, "layer");
  }
  {
    Store holder = open();
    holder.layers().hold(std::span(&layer, 1));
  }
  collect();
  EXPECT_FALSE(has_tree(layer));
}

TEST_F(CollectTest, HoldingWhatIsGoneFails) {
  DiffId layer = digest_of<DiffId>("layer");
  {
    Store store = open();
    put_layer(store, "layer");
    store.blobs().put("blob");
  }
  collect();
  Store late = open();
  EXPECT_EQ(late.layers().hold(std::span(&layer, 1)), std::vector<DiffId>{layer});
  EXPECT_FALSE(late.blobs().hold(base::sha256_of("blob")));
}

TEST_F(CollectTest, RowsAreDurablyGoneBeforeTheirBytes) {
  {
    Store store = open();
    put_layer(store, "layer");
  }
  bool tree_was_there = false;
  DiffId layer = digest_of<DiffId>("layer");
  Store store(root(), {.clock = clock_, .sync = [&](const base::Fd&) {
                         tree_was_there =
                             !names_in(file("trees")).empty() && !open().layers().find(layer);
                       }});
  store.collect({});
  EXPECT_TRUE(tree_was_there);
  EXPECT_EQ(names_in(file("trees")), std::vector<std::string>());
}

TEST_F(CollectTest, OrphansOfACrashGo) {
  open();
  base::write_file_atomically(base::open_directory(file("blobs/sha256")),
                              std::string(base::sha256_of("orphan").hex()), "orphan");
  base::write_file_atomically(base::open_directory(file("blobs/sha256")), "not-a-digest", "");
  base::ensure_directory(file(cat("trees/", base::sha256_of("tree").hex(), "/deep/er")));
  base::ensure_directory(file("cache_dirs/nobodys"));
  base::write_file_atomically(base::open_directory(file("locks")), "cache-nobodys", "");
  collect();
  for (const char* folder : {"blobs/sha256", "trees", "cache_dirs", "trash"}) {
    EXPECT_EQ(names_in(file(folder)), std::vector<std::string>()) << folder;
  }
  EXPECT_EQ(names_in(file("locks")), std::vector<std::string>{"trash"});
}

TEST_F(CollectTest, CacheDirectoriesAndTheirLocksStay) {
  Store store = open();
  CacheDirUse use = store.cache_dirs().use({"", "id"}, CacheSharing::kShared, {}, {});
  collect();
  EXPECT_EQ(names_in(file("cache_dirs")).size(), 1U);
  EXPECT_EQ(names_in(file("locks")).size(), 2U);
}

TEST_F(CollectTest, EmptyTrashTakesHostileTrees) {
  open();
  base::Fd trash = base::open_directory(file("trash"));
  base::Fd here = base::ensure_directory(trash, "0123");
  for (int depth = 0; depth < 300; ++depth) {
    here = base::ensure_directory(here, "a-directory-with-a-name-that-makes-the-path-long");
  }
  base::write_file_atomically(base::open_directory(folder_.path()), "victim", "kept");
  ASSERT_EQ(::symlinkat("../..", trash.get(), "link"), 0);
  ASSERT_EQ(::mkdirat(trash.get(), "locked", 0), 0);
  open().empty_trash({});
  EXPECT_EQ(names_in(file("trash")), std::vector<std::string>());
  EXPECT_EQ(testing_support::bytes_of_file(folder_.path() + "/victim"), "kept");
}

TEST_F(CollectTest, EmptyTrashStopsWhenAsked) {
  open();
  base::ensure_directory(file("trash/x"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(testing_support::error_kind_of([&] { open().empty_trash(stop.get_token()); }),
            base::ErrorKind::kCancelled);
  EXPECT_EQ(names_in(file("trash")).size(), 1U);
}

}  // namespace
}  // namespace slipway::cache
