#include "cmd/output/table.h"

#include <gtest/gtest.h>

namespace slipway::cmd {
namespace {

TEST(Table, ColumnsAreTenWideWithThreeSpacesAfterTheLongest) {
  Table table;
  table.add({"REPOSITORY", "TAG", "SIZE"});
  table.add({"busybox", "latest", "4.26MB"});
  EXPECT_EQ(table.text(),
            "REPOSITORY   TAG       SIZE\n"
            "busybox      latest    4.26MB\n");
}

TEST(Table, TheLastColumnIsNotFilledUp) {
  Table table;
  table.add({"A", ""});
  table.add({"B", "longer than the heading"});
  EXPECT_EQ(table.text(), "A         \nB         longer than the heading\n");
}

TEST(Table, WidthsCountCharacters) {
  Table table;
  table.add({"äöüäöüäöü", "x"});
  table.add({"abcdefghi", "x"});
  EXPECT_EQ(table.text(), "äöüäöüäöü   x\nabcdefghi   x\n");
}

TEST(Table, ControlCharactersCanNotMoveTheCursor) {
  Table table;
  table.add({"a\x1b[2Jb\nc", "x"});
  EXPECT_EQ(table.text(), "a [2Jb c   x\n");
}

}  // namespace
}  // namespace slipway::cmd
