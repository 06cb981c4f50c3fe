#include "cache/refs/image_table.h"

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::Digest;
using base::ErrorKind;
using testing_support::digest_of;
using testing_support::error_kind_of;
using testing_support::error_of;

class ImageTableTest : public testing_support::StoreTest {
 protected:
  static std::vector<std::string> references(const std::vector<NameRow>& names) {
    std::vector<std::string> texts;
    for (const NameRow& name : names) {
      texts.push_back(name.reference);
    }
    return texts;
  }
  static void name(Store& store, const std::string& reference, NameTarget target) {
    Batch batch;
    batch.names.push_back({reference, std::move(target), {}});
    store.commit(batch);
  }
};

TEST_F(ImageTableTest, AnImageComesBackAsItWasWritten) {
  Store store = open();
  ImageRow row{.id = ImageId(store.blobs().put("config").digest),
               .platform = "linux/arm64/v8",
               .created = {-62'135'596'800, 0},  // the year 1, as builders without clocks write
               .added = {1'600'000'000, 1},
               .size = 123,
               .layers = {digest_of<DiffId>("b"), digest_of<DiffId>("a"), digest_of<DiffId>("b")},
               .received = ManifestRef{store.blobs().put("manifest").digest, "type"},
               .other_blobs = {store.blobs().put("attestation").digest}};
  Batch batch;
  batch.images.push_back(row);
  store.commit(batch);
  EXPECT_EQ(store.images().find(row.id), row);
  EXPECT_EQ(open().images().find(row.id), row);
  EXPECT_EQ(store.images().find(ImageId(base::sha256_of("other"))), std::nullopt);
  EXPECT_EQ(store.images().find_by_manifest(row.received->digest), std::vector<ImageId>{row.id});
}

TEST_F(ImageTableTest, LayersOfAnImageNeedNotBeHere) {
  Store store = open();
  ImageId id(store.blobs().put("config").digest);
  Batch batch;
  batch.images.push_back({.id = id, .layers = {digest_of<DiffId>("remote")}});
  store.commit(batch);
  EXPECT_TRUE(store.layers().find(digest_of<DiffId>("remote")).has_value());
  EXPECT_EQ(store.trees().find(digest_of<DiffId>("remote")), std::nullopt);
}

TEST_F(ImageTableTest, AnImageWithoutConfigBytesIsRefusedAndNothingIsWritten) {
  Store store = open();
  Batch batch;
  batch.layers.push_back({.diff_id = digest_of<DiffId>("layer")});
  batch.images.push_back({.id = ImageId(base::sha256_of("never put"))});
  EXPECT_EQ(error_kind_of([&] { store.commit(batch); }), ErrorKind::kInternal);
  EXPECT_EQ(store.layers().find(digest_of<DiffId>("layer")), std::nullopt);
}

TEST_F(ImageTableTest, AnImageIsFoundByTheFrontOfItsId) {
  Store store = open();
  ImageId id = put_image(store, "config", "");
  EXPECT_EQ(store.images().find_by_prefix(id.hex().substr(0, 12)), id);
  EXPECT_EQ(store.images().find_by_prefix(id.hex().substr(0, 5)), id);
  EXPECT_EQ(store.images().find_by_prefix(id.text()), id);
  EXPECT_EQ(store.images().find_by_prefix("sha256:" + std::string(id.hex().substr(0, 1))), id);
  for (std::string_view wrong : {"", "sha256:", "xyz", "debian", "%"}) {
    EXPECT_EQ(store.images().find_by_prefix(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(store.images().find_by_prefix(std::string(id.hex()) + "0"), std::nullopt);
}

TEST_F(ImageTableTest, AnAmbiguousPrefixNamesTheCandidates) {
  Store store = open();
  std::vector<ImageId> ids;
  for (int number = 0; number < 17; ++number) {  // two of them start with the same digit
    ids.push_back(put_image(store, cat("config ", number), ""));
  }
  std::string message;
  for (char digit : std::string("0123456789abcdef")) {
    message += error_of([&] { store.images().find_by_prefix(std::string(1, digit)); });
  }
  EXPECT_NE(message.find("is ambiguous: sha256:"), std::string::npos) << message;
  EXPECT_NE(message.find("hint: give more digits of the ID"), std::string::npos) << message;
}

TEST_F(ImageTableTest, ANameMovesToTheNewImage) {
  Store store = open();
  ImageId first = put_image(store, "one", "docker.io/library/app:latest");
  ImageId second = put_image(store, "two", "docker.io/library/app:latest");
  EXPECT_EQ(store.images().find_name("docker.io/library/app:latest")->target, NameTarget(second));
  EXPECT_EQ(references(store.images().names_of(first)), std::vector<std::string>());
  EXPECT_EQ(store.images().find_name("docker.io/library/app:other"), std::nullopt);
}

TEST_F(ImageTableTest, RemovingANameKeepsTheImage) {
  Store store = open();
  ImageId id = put_image(store, "config", "a:1");
  EXPECT_EQ(store.images().remove_name("a:1")->target, NameTarget(id));
  EXPECT_EQ(store.images().remove_name("a:1"), std::nullopt);
  EXPECT_TRUE(store.images().find(id).has_value());
}

TEST_F(ImageTableTest, RemovingAnImageTakesItsNames) {
  Store store = open();
  ImageId id = put_image(store, "config", "a:1");
  name(store, "a:2", id);
  ImageId other = put_image(store, "other", "b:1");
  ImageTable::Removed removed = store.images().remove(id);
  EXPECT_TRUE(removed.found);
  EXPECT_EQ(references(removed.names), (std::vector<std::string>{"a:1", "a:2"}));
  EXPECT_EQ(references(store.images().names()), std::vector<std::string>{"b:1"});
  EXPECT_FALSE(store.images().remove(id).found);
  EXPECT_TRUE(store.images().find(other).has_value());
}

TEST_F(ImageTableTest, ListsImagesNewestFirstWithNamesAndDigests) {
  Store store = open();
  auto put = [&](std::string_view config, std::int64_t created) {
    ImageId id(store.blobs().put(config).digest);
    Batch batch;
    batch.images.push_back({.id = id, .created = {created, 0}});
    store.commit(batch);
    return id;
  };
  ImageId old = put("old", 100);
  ImageId fresh = put("fresh", 200);
  name(store, "b:1", old);
  name(store, "a:1", old);
  Digest manifest = base::sha256_of("manifest");
  Batch batch;
  batch.repository_digests.push_back({old, "docker.io/library/b", manifest});
  store.commit(batch);
  std::vector<ImageTable::Listed> listed = store.images().list();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].image.id, fresh);
  EXPECT_EQ(listed[1].image.id, old);
  EXPECT_EQ(references(listed[1].names), (std::vector<std::string>{"a:1", "b:1"}));
  ASSERT_EQ(listed[1].digests.size(), 1U);
  EXPECT_EQ(listed[1].digests[0].digest, manifest);
  EXPECT_EQ(store.images().find_listed(old)->names, listed[1].names);
  EXPECT_EQ(store.images().find_listed(ImageId(manifest)), std::nullopt);
  EXPECT_EQ(store.images().find_by_repository_digest("docker.io/library/b", manifest), old);
  EXPECT_EQ(store.images().find_by_repository_digest("docker.io/library/c", manifest),
            std::nullopt);
}

TEST_F(ImageTableTest, AnIndexStandsForItsImages) {
  Store store = open();
  ImageId amd64 = put_image(store, "amd64", "");
  Digest index = store.blobs().put("index").digest;
  auto commit = [&](const std::vector<ImageId>& images) {
    Batch batch;
    batch.indexes.push_back({.index = {index, "type"}, .images = images});
    batch.names.push_back({"multi:1", index, {}});
    store.commit(batch);
  };
  commit({amd64});
  ImageId arm64 = put_image(store, "arm64", "");
  commit({arm64});
  std::optional<IndexRow> row = store.images().find_index(index);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->images.size(), 2U);
  EXPECT_EQ(references(store.images().names_of(arm64)), std::vector<std::string>{"multi:1"});
  EXPECT_EQ(references(store.images().remove(amd64).names), std::vector<std::string>());
  EXPECT_EQ(references(store.images().remove(arm64).names), std::vector<std::string>{"multi:1"});
  EXPECT_EQ(store.images().find_index(index), std::nullopt);
  EXPECT_EQ(store.images().find_name("multi:1"), std::nullopt);
}

TEST_F(ImageTableTest, AnIndexOfRemoteImagesOnlyOutlivesOtherRemovals) {
  Store store = open();
  ImageId image = put_image(store, "config", "");
  Digest index = store.blobs().put("index").digest;
  Batch batch;
  batch.indexes.push_back({.index = {index, "type"}});
  batch.names.push_back({"multi:1", index, {}});
  store.commit(batch);
  store.images().remove(image);
  EXPECT_TRUE(store.images().find_index(index).has_value());
}

TEST_F(ImageTableTest, BuiltManifestsAreRememberedByCompression) {
  Store store = open();
  ImageId id = put_image(store, "config", "");
  ManifestRef gzip{store.blobs().put("gzip manifest").digest, "type"};
  ManifestRef again{store.blobs().put("other gzip manifest").digest, "type"};
  for (const ManifestRef& manifest : {gzip, again}) {
    Batch batch;
    batch.built_manifests.push_back({id, "isal-1", manifest});
    store.commit(batch);
    EXPECT_EQ(store.images().find_built_manifest(id, "isal-1"), manifest);
  }
  EXPECT_EQ(store.images().find_built_manifest(id, "zstd-3"), std::nullopt);
  EXPECT_EQ(store.images().find_by_manifest(again.digest), std::vector<ImageId>{id});
}

TEST_F(ImageTableTest, ReferrersTakeThePlaceOfOlderOnesAndGoWithTheImage) {
  Store store = open();
  ImageId id = put_image(store, "config", "");
  auto row = [&](const std::string& text) {
    return ReferrerRow{.image = id,
                       .manifest = {store.blobs().put(text).digest, "type"},
                       .subject = base::sha256_of("manifest"),
                       .blobs = {store.blobs().put(cat(text, " blob")).digest}};
  };
  for (const std::string& text : {std::string("old"), std::string("new")}) {
    Batch batch;
    batch.referrers = {row(text)};
    store.commit(batch);
    EXPECT_EQ(store.images().referrers(id), batch.referrers);
  }
  store.images().remove(id);
  EXPECT_EQ(store.images().referrers(id), std::vector<ReferrerRow>());
}

TEST_F(ImageTableTest, TouchingIsWrittenByTheFlush) {
  Store store = open();
  ImageId id = put_image(store, "config", "");
  clock_->step_seconds(3600);
  store.images().touch(id);
  store.flush();
  EXPECT_EQ(store.images().find_listed(id)->last_use, clock_->now());
}

TEST_F(ImageTableTest, ADigestOfARepositoryIsForgottenAlone) {
  Store store = open();
  ImageId id(store.blobs().put("config").digest);
  base::Digest first = base::sha256_of("first");
  base::Digest second = base::sha256_of("second");
  Batch batch;
  batch.images.push_back({.id = id});
  batch.repository_digests = {{id, "r.io/a", first}, {id, "r.io/a", second}, {id, "r.io/b", first}};
  store.commit(batch);
  EXPECT_TRUE(store.images().remove_repository_digest("r.io/a", first));
  EXPECT_FALSE(store.images().remove_repository_digest("r.io/a", first));
  EXPECT_EQ(store.images().find_by_repository_digest("r.io/a", first), std::nullopt);
  EXPECT_EQ(store.images().find_by_repository_digest("r.io/a", second), id);
  EXPECT_EQ(store.images().find_by_repository_digest("r.io/b", first), id);
  store.images().remove_repository_digests(id, "r.io/a");
  ASSERT_TRUE(store.images().find_listed(id).has_value());
  EXPECT_EQ(store.images().find_listed(id)->digests.size(), 1U);
}

}  // namespace
}  // namespace slipway::cache
