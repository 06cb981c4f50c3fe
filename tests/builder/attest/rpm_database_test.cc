#include "builder/attest/rpm_database.h"

#include <gtest/gtest.h>

#include "rpm_sample.h"

namespace slipway::builder {
namespace {

using tests::rpm_database;
using tests::rpm_header;
using tests::simple_rpm_header;
using tests::sqlite_file;

TEST(RpmHeader, GivesThePackage) {
  std::optional<Package> package = parse_rpm_header(simple_rpm_header("bash", "5.2"));
  ASSERT_TRUE(package);
  EXPECT_EQ(package->name, "bash");
  EXPECT_EQ(package->version, "5.2-1.fc40");
  EXPECT_EQ(package->epoch, "3");
  EXPECT_EQ(package->architecture, "x86_64");
  EXPECT_EQ(package->licence, "MIT");
  EXPECT_EQ(package->source, "src.rpm");
}

TEST(RpmHeader, KeysAreNoPackages) {
  EXPECT_FALSE(parse_rpm_header(simple_rpm_header("gpg-pubkey", "1")));
}

// Cut anywhere, or with any byte of the front part changed: some package or none, never a read
// outside (the sanitizers watch).
TEST(RpmHeader, DamageIsNoPackage) {
  std::string whole = simple_rpm_header("bash", "5.2");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_rpm_header(whole.substr(0, size)));
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (char value : {'\0', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[i] = value;
      parse_rpm_header(changed);
    }
  }
  EXPECT_FALSE(parse_rpm_header(rpm_header({{1000, 4, "bash"}})));
}

TEST(RpmDatabase, GivesEveryRow) {
  RpmDatabase found = read_rpm_database(
      rpm_database({simple_rpm_header("a", "1"), "junk", simple_rpm_header("b", "2")}), {});
  EXPECT_EQ(found.problem, "");
  ASSERT_EQ(found.packages.size(), 2U);
  EXPECT_EQ(found.packages[1].name, "b");
}

TEST(RpmDatabase, ReadsWhatWasWrittenAhead) {
  std::string file = rpm_database({simple_rpm_header("a", "1")});
  file[18] = file[19] = 2;
  EXPECT_EQ(read_rpm_database(file, {}).packages.size(), 1U);
}

TEST(RpmDatabase, DamageIsToldAndHarmless) {
  EXPECT_NE(read_rpm_database("", {}).problem, "");
  EXPECT_NE(read_rpm_database("not a database", {}).problem, "");
  EXPECT_NE(read_rpm_database(sqlite_file({"CREATE TABLE other (x)"}, {}), {}).problem, "");
  std::string file = rpm_database({simple_rpm_header("a", "1"), std::string(9000, 'x')});
  for (std::size_t i = 0; i < file.size(); i += 7) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 0x5a);
    read_rpm_database(changed, {});
    read_rpm_database(file.substr(0, i), {});
  }
}

TEST(RpmDatabase, RunsNothingThatAStrangerWrote) {
  for (const char* view : {"CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                           "SELECT i + 1 FROM n) SELECT i AS blob FROM n",
                           "CREATE VIEW Packages AS SELECT randomblob(100000000) AS blob",
                           "CREATE VIEW Packages AS SELECT load_extension('x') AS blob"}) {
    RpmDatabase found = read_rpm_database(sqlite_file({view}, {}), {});
    EXPECT_TRUE(found.packages.empty());
    EXPECT_NE(found.problem, "") << view;
  }
}

TEST(RpmDatabase, WorkHasALimit) {
  // A join that SQLite would sit at for years, with nothing but tables.
  std::vector<std::string> statements = {"CREATE TABLE t (x)"};
  for (int i = 0; i < 300; ++i) {
    statements.emplace_back("INSERT INTO t VALUES (1)");
  }
  statements.emplace_back(
      "CREATE VIEW Packages AS SELECT a.x AS blob FROM t a, t b, t c, t d, t e, t f WHERE "
      "a.x + b.x + c.x + d.x + e.x + f.x = 7");
  EXPECT_NE(read_rpm_database(sqlite_file(statements, {}), {}).problem, "");
}

}  // namespace
}  // namespace slipway::builder
