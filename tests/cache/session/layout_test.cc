#include "cache/session/layout.h"

#include <sys/stat.h>

#include <thread>

#include "base/text.h"
#include "cache/db/connection.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::ErrorKind;
using testing_support::bytes_of_file;
using testing_support::error_kind_of;
using testing_support::error_of;

class LayoutTest : public testing_support::StoreTest {
 protected:
  void write(std::string_view name, std::string_view content) const {
    base::write_file_atomically(base::open_directory(root()), std::string(name), content);
  }
};

TEST_F(LayoutTest, AMissingFolderIsMadeWithItsParents) {
  Store store(file("deeper/store"));
  EXPECT_EQ(bytes_of_file(file("deeper/store/version")), cat(kStoreFormat, "\n"));
  struct stat status{};
  ASSERT_EQ(::stat(store.root().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(LayoutTest, AnEmptyFolderBecomesAStore) {
  base::ensure_directory(root());
  open();
  EXPECT_EQ(bytes_of_file(file("version")), cat(kStoreFormat, "\n"));
}

TEST_F(LayoutTest, ARelativeOrUntidyRootIsNamedAbsolutely) {
  Store store(cat(folder_.path(), "//x/../store/"));
  EXPECT_EQ(store.root(), root());
}

TEST_F(LayoutTest, ANewerFormatIsRefusedNamingBothNumbers) {
  open();
  write("version", "10\n");
  EXPECT_EQ(error_of([&] { open(); }),
            cat("the store ", root(), " has format 10, but this slipway knows only ", kStoreFormat,
                "\n  hint: use the newer slipway that made it, or choose another store with "
                "--root"));
  EXPECT_EQ(error_kind_of([&] { open(); }), ErrorKind::kInput);
  EXPECT_EQ(bytes_of_file(file("version")), "10\n");
}

TEST_F(LayoutTest, AStoreOfFormat1GetsTheTablesOfFormat2) {
  {
    open();
    Connection connection(file("db.sqlite"), Connection::Open::kExisting);
    for (const char* table : {"DROP TABLE served_tags", "DROP TABLE served_members",
                              "DROP TABLE served_manifests", "DROP TABLE served_blobs"}) {
      connection.run_script(table);
    }
  }
  write("version", "1\n");
  Store store = open();
  EXPECT_EQ(bytes_of_file(file("version")), cat(kStoreFormat, "\n"));
  EXPECT_FALSE(store.repositories().has_repository("app"));
}

TEST_F(LayoutTest, AStoreOfFormat7GetsChecksumsOfNewBlobs) {
  const std::string bytes(5 << 20, 'x');
  base::Digest older = base::sha256_of("none");
  {
    Store store = open();
    older = store.blobs().put(bytes).digest;
    store.commit({});
    Connection(file("db.sqlite"), Connection::Open::kExisting).run_script("DROP TABLE blob_checks");
  }
  write("version", "7\n");
  Store store = open();
  EXPECT_EQ(store.blobs().read(older, bytes.size()), bytes);
  store.blobs().put(bytes + "more");
  store.commit({});
  Connection connection(file("db.sqlite"), Connection::Open::kExisting);
  Query count = connection.query("SELECT count(*) FROM blob_checks");
  ASSERT_TRUE(count.next());
  EXPECT_EQ(count.integer(0), 1);
}

TEST_F(LayoutTest, RecordsOfFormat8CouldHaveAnyOutline) {
  StepKey outline = testing_support::digest_of<StepKey>("outline");
  Batch older;
  older.records.push_back({.key = testing_support::digest_of<StepKey>("step")});
  {
    Store store = open();
    store.commit(older);
    Connection(file("db.sqlite"), Connection::Open::kExisting)
        .run_script("DROP TABLE step_outlines");
  }
  write("version", "8\n");
  Store store = open();
  EXPECT_TRUE(store.records().knows_outline(outline));
  EXPECT_TRUE(store.records().remove(older.records[0].key));
  EXPECT_FALSE(store.records().knows_outline(outline));
}

TEST_F(LayoutTest, ADamagedVersionFileIsTold) {
  for (const char* text : {"", "x", "-1", "1 2", "0"}) {
    open();
    write("version", text);
    EXPECT_EQ(error_kind_of([&] { open(); }), ErrorKind::kIntegrity) << text;
    write("version", "1\n");
  }
}

TEST_F(LayoutTest, SomebodyElsesFolderIsLeftAlone) {
  base::ensure_directory(root());
  write("thesis.txt", "years of work");
  EXPECT_EQ(error_of([&] { open(); }),
            cat(root(), " is not a slipway store: it has no version file, but holds \"thesis.txt\"",
                "\n  hint: choose an empty folder, or a store, with --root"));
  EXPECT_EQ(testing_support::names_in(root()), std::vector<std::string>{"thesis.txt"});
}

TEST_F(LayoutTest, AFileInPlaceOfTheFolderIsTold) {
  base::write_file_atomically(base::open_directory(folder_.path()), "store", "");
  EXPECT_EQ(error_of([&] { open(); }), cat("open ", root(), ": Not a directory",
                                           "\n  hint: choose another store with --root"));
}

TEST_F(LayoutTest, AHalfMadeStoreIsMadeAgain) {
  // Killed before the version file: a database without tables, folders.
  base::ensure_directory(root() + "/blobs/sha256");
  write("db.sqlite", "");
  Store store = open();
  store.blobs().put("works");
  store.commit({});
}

TEST_F(LayoutTest, ADamagedDatabaseIsTold) {
  open();
  base::remove_tree(file("db.sqlite-wal"));
  base::remove_tree(file("db.sqlite-shm"));
  write("db.sqlite", std::string(8192, 'x'));
  std::string message = error_of([&] { open().images().list(); });
  EXPECT_TRUE(message.starts_with(cat("the store's database ", root(), "/db.sqlite is damaged: ")))
      << message;
}

TEST_F(LayoutTest, AMissingDatabaseIsTold) {
  open();
  base::remove_tree(file("db.sqlite"));
  EXPECT_EQ(error_kind_of([&] { open(); }), ErrorKind::kIntegrity);
}

TEST_F(LayoutTest, ManyOpenANewStoreAtOnce) {
  std::vector<std::jthread> threads;
  for (int count = 0; count < 8; ++count) {
    threads.emplace_back([&] {
      Store store = open();
      store.blobs().put("same");
      store.commit({});
    });
  }
  threads.clear();
  EXPECT_TRUE(open().blobs().has(base::sha256_of("same")));
}

}  // namespace
}  // namespace slipway::cache
