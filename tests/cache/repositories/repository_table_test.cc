#include "cache/repositories/repository_table.h"

#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::Digest;

constexpr std::int64_t kHourNs = 3600LL * 1'000'000'000;

class RepositoryTableTest : public testing_support::StoreTest {
 protected:
  Digest put(Store& store, const std::string& repository, std::string_view bytes) const {
    Digest digest = store.blobs().put(bytes).digest;
    store.commit({});
    store.repositories().add_blob(repository, digest);
    return digest;
  }
  // A manifest with these bytes that names these blobs.
  std::vector<Digest> put_manifest(Store& store, std::string_view bytes,
                                   const std::vector<Digest>& blobs,
                                   const std::vector<std::string>& tags) const {
    Digest digest = store.blobs().put(bytes).digest;
    store.commit({});
    return store.repositories().put_manifest(
        "app", {.manifest = {.digest = digest, .media_type = "type", .size = bytes.size()},
                .blobs = blobs,
                .tags = tags});
  }
};

TEST_F(RepositoryTableTest, BlobsBelongToARepositoryUntilTheyAreMounted) {
  Store store = open();
  Digest blob = put(store, "app", "blob");
  RepositoryTable& table = store.repositories();
  EXPECT_TRUE(table.has_blob("app", blob));
  EXPECT_FALSE(table.has_blob("other", blob));
  EXPECT_FALSE(table.mount_blob("nobody", "other", blob));
  EXPECT_TRUE(table.mount_blob("app", "other", blob));
  EXPECT_TRUE(table.remove_blob("app", blob));
  EXPECT_FALSE(table.remove_blob("app", blob));
  EXPECT_TRUE(table.has_blob("other", blob));
}

TEST_F(RepositoryTableTest, AManifestNeedsItsBlobs) {
  Store store = open();
  Digest here = put(store, "app", "here");
  Digest absent = base::sha256_of("absent");
  EXPECT_EQ(put_manifest(store, "m", {here, absent}, {"v1"}), std::vector<Digest>{absent});
  EXPECT_EQ(store.repositories().find_tag("app", "v1"), std::nullopt);
  EXPECT_TRUE(put_manifest(store, "m", {here}, {"v1", "v2"}).empty());
  Digest manifest = base::sha256_of("m");
  EXPECT_EQ(store.repositories().find_tag("app", "v2"), manifest);
  EXPECT_EQ(store.repositories().find_manifest("app", manifest)->media_type, "type");
  EXPECT_EQ(store.repositories().tags("app", {.last = "v1"}), std::vector<std::string>{"v2"});
  EXPECT_TRUE(store.repositories().remove_manifest("app", manifest));
  EXPECT_EQ(store.repositories().find_tag("app", "v1"), std::nullopt);
}

TEST_F(RepositoryTableTest, ATagMoves) {
  Store store = open();
  put_manifest(store, "one", {}, {"v"});
  put_manifest(store, "two", {}, {"v"});
  EXPECT_EQ(store.repositories().find_tag("app", "v"), base::sha256_of("two"));
  EXPECT_TRUE(store.repositories().remove_tag("app", "v"));
  EXPECT_FALSE(store.repositories().remove_tag("app", "v"));
  EXPECT_TRUE(store.repositories().find_manifest("app", base::sha256_of("two")).has_value());
}

TEST_F(RepositoryTableTest, CollectingKeepsWhatIsServedAndNothingElse) {
  Digest member = base::sha256_of("member");
  Digest young = base::sha256_of("young");
  Digest old = base::sha256_of("old");
  {
    Store store = open();
    put(store, "app", "member");
    put(store, "app", "old");
    put_manifest(store, "manifest", {member}, {"v"});
  }
  clock_->step_seconds(2 * 3600);
  {
    Store store = open();
    put(store, "app", "young");
  }
  Store store = open();
  EXPECT_EQ(store.repositories().drop_unused(kHourNs), 1);
  store.collect({});
  EXPECT_TRUE(store.blobs().has(member));
  EXPECT_TRUE(store.blobs().has(young));
  EXPECT_FALSE(store.blobs().has(old));
  EXPECT_TRUE(store.blobs().has(base::sha256_of("manifest")));

  store.repositories().remove_manifest("app", base::sha256_of("manifest"));
  EXPECT_EQ(store.repositories().drop_unused(kHourNs), 1);
  store.collect({});
  EXPECT_FALSE(store.blobs().has(member));
}

TEST_F(RepositoryTableTest, UsingABlobKeepsIt) {
  Store store = open();
  Digest blob = put(store, "app", "blob");
  clock_->step_seconds(2 * 3600);
  EXPECT_TRUE(store.repositories().use_blob("app", blob));
  EXPECT_EQ(store.repositories().drop_unused(kHourNs), 0);
  EXPECT_FALSE(store.repositories().use_blob("app", base::sha256_of("other")));
}

TEST_F(RepositoryTableTest, ReferrersAreFoundByTheirSubject) {
  Store store = open();
  Digest subject = base::sha256_of("not here");
  for (std::string_view bytes : {"one", "two"}) {
    Digest digest = store.blobs().put(bytes).digest;
    store.commit({});
    store.repositories().put_manifest(
        "app", {.manifest = {.digest = digest, .media_type = "t", .subject = subject}});
  }
  auto all = store.repositories().referrers("app", subject, {});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_LT(all[0].digest, all[1].digest);
  EXPECT_EQ(store.repositories().referrers("app", subject, {.last = all[0].digest.text()}),
            std::vector<ServedManifest>{all[1]});
  EXPECT_TRUE(store.repositories().referrers("other", subject, {}).empty());
}

}  // namespace
}  // namespace slipway::cache
