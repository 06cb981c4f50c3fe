#include "cache/db/empty_database.h"

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "cache/db/connection.h"

namespace slipway::cache {
namespace {

std::string definitions(Connection& connection) {
  std::string text;
  Query rows = connection.query("SELECT type, name, coalesce(sql, '') FROM sqlite_master");
  while (rows.next()) {
    text += base::cat(rows.text(0), " ", rows.text(1), ": ", rows.text(2), "\n");
  }
  return text;
}

std::string answer(Connection& connection, Sql question) {
  Query rows = connection.query(question);
  return rows.next() ? rows.text(0) : "";
}

class EmptyDatabase : public testing::Test {
 protected:
  Connection copied() {
    copy_empty_database(base::open_directory(folder_.path()), "copied");
    return open("copied");
  }
  Connection open(std::string_view name) const {
    return {base::cat(folder_.path(), "/", name), Connection::Open::kExisting};
  }
  base::TempDir folder_{"/var/tmp", "slipway-database-"};
};

TEST_F(EmptyDatabase, ACopyHasWhatTheStatementsMake) {
  make_empty_database(folder_.path() + "/made");
  Connection made = open("made");
  Connection copy = copied();
  EXPECT_EQ(definitions(copy), definitions(made));
  EXPECT_TRUE(definitions(copy).contains("CREATE TABLE blobs("));
}

TEST_F(EmptyDatabase, ACopyIsWholeAndTakesRows) {
  Connection copy = copied();
  EXPECT_EQ(answer(copy, "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(answer(copy, "PRAGMA journal_mode"), "wal");
  Transaction transaction(copy);
  copy.execute("INSERT INTO blobs VALUES(?1, 1, 2)", base::sha256_of("bytes"));
  transaction.commit();
  Connection other = open("copied");
  EXPECT_EQ(answer(other, "SELECT count(*) FROM blobs"), "1");
}

TEST_F(EmptyDatabase, ACopyReplacesNothing) {
  base::write_file_atomically(base::open_directory(folder_.path()), "copied", "precious");
  EXPECT_THROW(copied(), base::Error);
}

}  // namespace
}  // namespace slipway::cache
