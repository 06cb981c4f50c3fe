#include "cache/records/layer_table.h"

#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using testing_support::digest_of;

class LayerTableTest : public testing_support::StoreTest {
 protected:
  static void commit(Store& store, const LayerRow& row) {
    Batch batch;
    batch.layers.push_back(row);
    store.commit(batch);
  }
  DiffId diff_id_ = digest_of<DiffId>("layer");
};

TEST_F(LayerTableTest, ARowComesBackAsItWasWritten) {
  Store store = open();
  base::Digest index = store.blobs().put("index").digest;
  LayerRow row{.diff_id = diff_id_,
               .content_id = digest_of<ContentId>("content"),
               .tar_size = 4096,
               .index_blob = index,
               .canonical = true,
               .created = {1'600'000'000, 5}};
  commit(store, row);
  EXPECT_EQ(store.layers().find(diff_id_), row);
  EXPECT_EQ(open().layers().find(diff_id_), row);
  EXPECT_EQ(store.layers().find(digest_of<DiffId>("other")), std::nullopt);
}

TEST_F(LayerTableTest, ARowWithoutTimeGetsTheClocks) {
  Store store = open();
  commit(store, {.diff_id = diff_id_});
  EXPECT_EQ(store.layers().find(diff_id_)->created, clock_->now());
}

TEST_F(LayerTableTest, AKnownLayerGainsWhatItLacked) {
  Store store = open();
  commit(store, {.diff_id = diff_id_, .created = {100, 0}});
  LayerRow more{.diff_id = diff_id_,
                .content_id = digest_of<ContentId>("content"),
                .tar_size = 10,
                .index_blob = store.blobs().put("index").digest,
                .canonical = true,
                .created = {200, 0}};
  commit(store, more);
  LayerRow expected = more;
  expected.created = {100, 0};
  EXPECT_EQ(store.layers().find(diff_id_), expected);
  commit(store, {.diff_id = diff_id_});
  EXPECT_EQ(store.layers().find(diff_id_), expected);
}

TEST_F(LayerTableTest, TheOldestLayerOfAContentIsTheOneToUse) {
  Store store = open();
  auto content = digest_of<ContentId>("content");
  commit(store, {.diff_id = digest_of<DiffId>("new"), .content_id = content, .created = {200, 0}});
  commit(store, {.diff_id = digest_of<DiffId>("old"), .content_id = content, .created = {100, 0}});
  EXPECT_EQ(store.layers().find_by_content(content)->diff_id, digest_of<DiffId>("old"));
  EXPECT_EQ(store.layers().find_by_content(digest_of<ContentId>("other")), std::nullopt);
}

TEST_F(LayerTableTest, BlobsOfALayerAreRememberedByEncoder) {
  Store store = open();
  LayerBlobRow gzip{.diff_id = diff_id_,
                    .encoder = "isal-1",
                    .compression = Compression::kGzip,
                    .blob = {base::sha256_of("gzip"), 10},
                    .media_type = "application/vnd.oci.image.layer.v1.tar+gzip"};
  LayerBlobRow received{.diff_id = diff_id_,
                        .encoder = kReceivedEncoder,
                        .compression = Compression::kZstd,
                        .blob = {base::sha256_of("zstd"), 8},
                        .media_type = "application/vnd.oci.image.layer.v1.tar+zstd"};
  Batch batch;
  batch.layers.push_back({.diff_id = diff_id_});
  batch.layer_blobs = {gzip, received};
  store.commit(batch);
  EXPECT_EQ(store.layers().blobs(diff_id_), (std::vector<LayerBlobRow>{gzip, received}));
  EXPECT_EQ(store.layers().find_blob(diff_id_, "isal-1"), gzip);
  EXPECT_EQ(store.layers().find_blob(diff_id_, "zstd-3"), std::nullopt);
  EXPECT_EQ(store.layers().find_of_blob(received.blob.digest), diff_id_);
  EXPECT_EQ(store.layers().find_of_blob(base::sha256_of("other")), std::nullopt);
}

TEST_F(LayerTableTest, ABlobWithADigestThatIsNotStoredHereIsStillRemembered) {
  Store store = open();
  base::Digest sha512 = *base::Digest::parse("sha512:" + std::string(128, 'b'));
  LayerBlobRow row{.diff_id = diff_id_, .encoder = kReceivedEncoder, .blob = {sha512, 8}};
  Batch batch;
  batch.layers.push_back({.diff_id = diff_id_});
  batch.layer_blobs = {row};
  store.commit(batch);
  EXPECT_EQ(store.layers().find_blob(diff_id_, kReceivedEncoder), row);
}

TEST_F(LayerTableTest, SourcesComeLastLearntFirst) {
  Store store = open();
  base::Digest blob = base::sha256_of("blob");
  auto learn = [&](const std::string& host) {
    Batch batch;
    batch.layers.push_back({.diff_id = diff_id_});
    batch.layer_blobs.push_back(
        {.diff_id = diff_id_, .encoder = kReceivedEncoder, .blob = {blob, 1}});
    batch.blob_sources.push_back({blob, host, "library/debian"});
    store.commit(batch);
    clock_->step_seconds(1);
  };
  learn("one.example");
  learn("two.example");
  learn("one.example");
  EXPECT_EQ(store.layers().sources(blob),
            (std::vector<BlobSourceRow>{{blob, "one.example", "library/debian"},
                                        {blob, "two.example", "library/debian"}}));
}

TEST_F(LayerTableTest, HoldReturnsTheLayersThatAreNotKnown) {
  Store store = open();
  commit(store, {.diff_id = diff_id_});
  Store other = open();
  std::vector<DiffId> wanted = {diff_id_, digest_of<DiffId>("gone")};
  EXPECT_EQ(other.layers().hold(wanted), std::vector<DiffId>{digest_of<DiffId>("gone")});
  EXPECT_EQ(other.layers().hold(std::span(&diff_id_, 1)), std::vector<DiffId>());
}

TEST_F(LayerTableTest, BlocksGoWithTheirBlob) {
  Store store = open();
  BlobInfo blob = store.blobs().put("compressed");
  std::string blocks("\1\0\xff\2", 4);
  Batch batch;
  batch.layers = {{.diff_id = diff_id_}};
  batch.layer_blobs = {{.diff_id = diff_id_, .encoder = "gzip", .blob = blob}};
  batch.blob_blocks = {{blob.digest, blocks}};
  batch.records = {{.key = digest_of<StepKey>("step"), .diff_id = diff_id_, .family = "COPY"}};
  store.commit(batch);
  store.commit(batch);  // another process was as fast
  EXPECT_EQ(open().layers().find_blocks(blob.digest), blocks);
  EXPECT_EQ(store.layers().find_blocks(base::sha256_of("other")), std::nullopt);
  {
    Store last = std::move(store);
    last.records().remove(digest_of<StepKey>("step"));
  }
  open().collect({});
  EXPECT_FALSE(open().blobs().has(blob.digest));
  EXPECT_EQ(open().layers().find_blocks(blob.digest), std::nullopt);
}

TEST_F(LayerTableTest, ASiblingIsAnotherLayerOfTheSameStepWithBlocks) {
  Store store = open();
  auto add = [&](const char* word, const char* family, const char* encoder, bool has_blocks) {
    BlobInfo blob = store.blobs().put(word);
    Batch batch;
    auto diff_id = digest_of<DiffId>(word);
    batch.layers = {{.diff_id = diff_id}};
    batch.layer_blobs = {{.diff_id = diff_id, .encoder = encoder, .blob = blob}};
    if (has_blocks) {
      batch.blob_blocks = {{blob.digest, "blocks"}};
    }
    batch.records = {{.key = digest_of<StepKey>(word), .diff_id = diff_id, .family = family}};
    clock_->step_seconds(3600);
    store.commit(batch);
  };
  add("mine", "COPY a", "gzip", true);
  auto sibling = [&] {
    return store.layers().find_sibling_blob(digest_of<DiffId>("mine"), "gzip");
  };
  EXPECT_EQ(sibling(), std::nullopt);
  add("of another step", "COPY b", "gzip", true);
  add("of another encoder", "COPY a", "zstd", true);
  add("without blocks", "COPY a", "gzip", false);
  EXPECT_EQ(sibling(), std::nullopt);
  add("older", "COPY a", "gzip", true);
  add("newer", "COPY a", "gzip", true);
  ASSERT_TRUE(sibling().has_value());
  EXPECT_EQ(sibling()->diff_id, digest_of<DiffId>("newer"));
  EXPECT_EQ(sibling()->blob.digest, base::sha256_of("newer"));
}

}  // namespace
}  // namespace slipway::cache
