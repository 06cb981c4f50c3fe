#include "cmd/environment.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::cmd {
namespace {

Environment environment_of(std::map<std::string, std::string> variables) {
  return {std::move(variables)};
}

TEST(StoreRoot, FlagWinsOverEverything) {
  EXPECT_EQ(store_root("/flag", environment_of({{"SLIPWAY_ROOT", "/variable"}}), true), "/flag");
}

TEST(StoreRoot, VariableWinsOverTheUsersFolders) {
  EXPECT_EQ(store_root("", environment_of({{"SLIPWAY_ROOT", "/variable"}, {"HOME", "/h"}}), true),
            "/variable");
}

TEST(StoreRoot, IsTheMachinesForRoot) {
  EXPECT_EQ(store_root("", environment_of({{"HOME", "/root"}}), true), "/var/lib/slipway");
}

TEST(StoreRoot, IsTheUsersOwnForOthers) {
  EXPECT_EQ(store_root("", environment_of({{"HOME", "/home/me"}}), false),
            "/home/me/.local/share/slipway");
  EXPECT_EQ(
      store_root("", environment_of({{"HOME", "/home/me"}, {"XDG_DATA_HOME", "/data"}}), false),
      "/data/slipway");
}

TEST(StoreRoot, WithoutAnyFolderSaysWhichVariableHelps) {
  try {
    store_root("", environment_of({}), false);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_NE(error.hint().find("--root"), std::string::npos);
  }
}

TEST(Environment, TellsUnsetFromEmptyOnlyWhereAsked) {
  Environment environment = environment_of({{"EMPTY", ""}});
  EXPECT_EQ(environment.find("EMPTY"), "");
  EXPECT_EQ(environment.find("UNSET"), std::nullopt);
  EXPECT_EQ(environment.get("EMPTY", "absent"), "absent");
}

TEST(Environment, GivesChildrenEveryVariable) {
  EXPECT_EQ(environment_of({{"A", "1"}, {"B", "x=y"}}).as_list(),
            (std::vector<std::string>{"A=1", "B=x=y"}));
}

}  // namespace
}  // namespace slipway::cmd
