#include "builder/sandbox/subordinate_ids.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

TEST(SubordinateIds, FindsTheRangesOfANameAndOfItsNumber) {
  std::string_view file = "bob:5:6\nalice:100000:65536\n1000:300000:10\n\nalice:bad:1\nalice:7:0\n";
  std::vector<IdRange> expected = {{100000, 65536}, {300000, 10}};
  EXPECT_EQ(subordinate_ranges(file, "alice", 1000), expected);
  EXPECT_TRUE(subordinate_ranges(file, "carol", 1001).empty());
  EXPECT_TRUE(subordinate_ranges("", "alice", 1000).empty());
}

TEST(SubordinateIds, MapTheOwnIdToRootAndRangesBehindIt) {
  std::vector<std::string> expected = {"0",     "1000",  "1",      "1", "100000",
                                       "65536", "65537", "300000", "10"};
  EXPECT_EQ(map_arguments(1000, {{100000, 65536}, {300000, 10}}), expected);
}

TEST(SubordinateIds, CountsIdsUpToTheFirstGap) {
  EXPECT_EQ(count_mapped_ids("         0          0 4294967295\n"), 4294967295U);
  EXPECT_EQ(
      count_mapped_ids("         1     100000      65536\n         0       1000          1\n"),
      65537U);
  EXPECT_EQ(
      count_mapped_ids("         0       1000          1\n         5     100000         10\n"), 1U);
  EXPECT_EQ(count_mapped_ids(""), 0U);
}

}  // namespace
}  // namespace slipway::builder
