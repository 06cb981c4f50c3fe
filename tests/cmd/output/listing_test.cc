#include "cmd/output/listing.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::cmd {
namespace {

Listing listing() {
  Listing listing({{"ID", "IMAGE ID"}, {"Name", "NAME"}, {"Size", "SIZE"}}, {"Name", "Size"});
  listing.add({{"ID", "1"}, {"Name", "one"}, {"Size", "1kB"}});
  listing.add({{"ID", "2"}, {"Name", "two"}, {"Size", "2kB"}});
  return listing;
}

TEST(Listing, ShowsTheChosenColumnsByDefault) {
  std::string table = "NAME      SIZE\none       1kB\ntwo       2kB\n";
  EXPECT_EQ(listing().text(""), table);
  EXPECT_EQ(listing().text("table"), table);
}

TEST(Listing, JsonIsAnObjectALineWithEveryColumn) {
  EXPECT_EQ(listing().text("json"),
            "{\"ID\":\"1\",\"Name\":\"one\",\"Size\":\"1kB\"}\n"
            "{\"ID\":\"2\",\"Name\":\"two\",\"Size\":\"2kB\"}\n");
}

TEST(Listing, ATemplateIsALineForEachRow) {
  EXPECT_EQ(listing().text("{{.Name}}:{{.ID}}"), "one:1\ntwo:2\n");
  EXPECT_EQ(listing().text("{{.Name}}\\t{{.ID}}"), "one\t1\ntwo\t2\n");
  EXPECT_EQ(listing().text("{{json .Size}}"), "\"1kB\"\n\"2kB\"\n");
}

TEST(Listing, ATableOfATemplateHasItsHeadings) {
  EXPECT_EQ(listing().text("table {{.ID}}\\t{{.Name}}"),
            "IMAGE ID   NAME\n1          one\n2          two\n");
}

TEST(Listing, AWrongNameIsFoundEvenWithoutRows) {
  Listing empty({{"Name", "NAME"}}, {"Name"});
  EXPECT_THROW(empty.text("{{.Nmae}}"), base::Error);
  EXPECT_EQ(empty.text("{{.Name}}"), "");
}

}  // namespace
}  // namespace slipway::cmd
