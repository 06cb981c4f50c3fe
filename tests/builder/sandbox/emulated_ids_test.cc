#include "builder/sandbox/emulated_ids.h"

#include <cerrno>
#include <map>

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

using Whose = EmulatedIds::Whose;

// Process 1 is the init; the numbers below are threads of processes of the same number.
class EmulatedIdsTest : public testing::Test {
 protected:
  std::map<pid_t, ProcessPlace> places_ = {
      {10, {10, 1, false}}, {11, {10, 1, false}}, {20, {20, 10, false}}, {30, {30, 20, true}}};
  EmulatedIds ids_{[this](pid_t thread) -> std::optional<ProcessPlace> {
    auto found = places_.find(thread);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }};
};

TEST_F(EmulatedIdsTest, EverybodyIsRootAtFirst) {
  EXPECT_EQ(ids_.ids_of(20), ProcessIds());
  EXPECT_EQ(ids_.ids_of(99), ProcessIds());
}

TEST_F(EmulatedIdsTest, ThreadsAndChildrenHaveWhatTheirProcessHasSet) {
  EXPECT_EQ(ids_.set_one(11, Whose::kGroup, 44), 0);
  EXPECT_EQ(ids_.set_one(11, Whose::kUser, 33), 0);
  ProcessIds expected{{33, 33, 33}, {44, 44, 44}};
  EXPECT_EQ(ids_.ids_of(10), expected);
  EXPECT_EQ(ids_.ids_of(20), expected);
  ids_.begin(20, 5, 6);
  EXPECT_EQ(ids_.ids_of(20).user.real, 5U);
  EXPECT_EQ(ids_.ids_of(10), expected);
}

TEST_F(EmulatedIdsTest, RootThatWasGivenUpIsNotGivenBack) {
  EXPECT_EQ(ids_.set_three(10, Whose::kUser, {33, 33, 33}), 0);
  EXPECT_EQ(ids_.set_one(10, Whose::kUser, 0), EPERM);
  EXPECT_EQ(ids_.set_two(10, Whose::kUser, {0, 0, std::nullopt}), EPERM);
  EXPECT_EQ(ids_.set_three(10, Whose::kUser, {std::nullopt, 0, std::nullopt}), EPERM);
  EXPECT_EQ(ids_.set_one(10, Whose::kGroup, 5), EPERM);
  EXPECT_EQ(ids_.set_one(10, Whose::kUser, 33), 0);
}

TEST_F(EmulatedIdsTest, ASavedIdCanBeTakenUpAgain) {
  EXPECT_EQ(ids_.set_three(10, Whose::kUser, {std::nullopt, 33, std::nullopt}), 0);
  EXPECT_EQ(ids_.ids_of(10).user, (IdTriple{0, 33, 0}));
  EXPECT_EQ(ids_.set_one(10, Whose::kUser, 0), 0);
  EXPECT_EQ(ids_.ids_of(10).user, (IdTriple{0, 0, 0}));
}

TEST_F(EmulatedIdsTest, TwoAtOnceSaveTheEffectiveId) {
  EXPECT_EQ(ids_.set_two(10, Whose::kUser, {std::nullopt, 33, std::nullopt}), 0);
  EXPECT_EQ(ids_.ids_of(10).user, (IdTriple{0, 33, 33}));
  EXPECT_EQ(ids_.set_two(10, Whose::kUser, {33, 0, std::nullopt}), 0);
  EXPECT_EQ(ids_.ids_of(10).user, (IdTriple{33, 0, 0}));
  EXPECT_EQ(ids_.set_one(10, Whose::kUser, std::nullopt), EINVAL);
}

TEST_F(EmulatedIdsTest, ASetUserIdProgramOfRootsMakesRoot) {
  ids_.begin(10, 1000, 1000);
  EXPECT_EQ(ids_.ids_of(30).user, (IdTriple{1000, 0, 0}));
  EXPECT_EQ(ids_.ids_of(30).group, (IdTriple{1000, 1000, 1000}));
  EXPECT_EQ(ids_.set_three(30, Whose::kUser, {7, 7, 7}), 0);
  EXPECT_EQ(ids_.ids_of(30).user, (IdTriple{7, 7, 7}));
}

TEST_F(EmulatedIdsTest, ACircleOfParentsEnds) {
  places_ = {{1, {1, 2, false}}, {2, {2, 1, false}}, {10, {10, 0, false}}};
  ids_.begin(10, 5, 5);
  EXPECT_EQ(ids_.ids_of(1), ProcessIds());
}

TEST_F(EmulatedIdsTest, OfManyProcessesTheDeadAreForgotten) {
  for (pid_t process = 100; process < 300; ++process) {
    places_ = {{process, {process, 1, false}}};
    ASSERT_EQ(ids_.set_one(process, Whose::kUser, 33), 0);
  }
  places_ = {{100, {100, 1, false}}};
  EXPECT_EQ(ids_.ids_of(100), ProcessIds());
}

}  // namespace
}  // namespace slipway::builder
