#include "cache/session/owner.h"

#include <unistd.h>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::names_in;

class OwnerTest : public testing_support::StoreTest {
 protected:
  // The names of folders and lock files in tmp/.
  std::vector<std::string> owners() const { return names_in(file("tmp")); }
  // What a dead process left: a folder with a file in it, and a lock file that nobody locks.
  void leave_behind(const std::string& name) const {
    base::Fd tmp = base::open_directory(file("tmp"));
    base::ensure_directory(tmp, name);
    base::write_file_atomically(base::open_directory(file("tmp/" + name)), "half", "bytes");
    base::write_file_atomically(tmp, name + ".lock", "");
  }
};

TEST_F(OwnerTest, AStoreThatOnlyReadsLeavesNoTrace) {
  Store store = open();
  store.images().list();
  EXPECT_EQ(owners(), std::vector<std::string>());
}

TEST_F(OwnerTest, AClosedStoreLeavesNothingInTmp) {
  {
    Store store = open();
    store.blobs().put("bytes");
    EXPECT_EQ(owners().size(), 2U);
  }
  EXPECT_EQ(owners(), std::vector<std::string>());
}

TEST_F(OwnerTest, WhatADeadProcessLeftIsSweptByTheNextWriter) {
  open();
  leave_behind("1-dead");
  Store store = open();
  store.blobs().put("bytes");
  EXPECT_EQ(owners().size(), 2U);  // its own
  EXPECT_EQ(names_in(file("trash")).size(), 1U);
}

TEST_F(OwnerTest, ARecycledProcessNumberIsNotTakenForLife) {
  open();
  leave_behind(cat(::getpid(), "-", "0123456789ab"));  // our own number: as alive as can be
  Store store = open();
  store.blobs().put("bytes");
  EXPECT_EQ(owners().size(), 2U);
}

TEST_F(OwnerTest, WhatALivingStoreIsMakingStays) {
  Store first = open();
  StagedTree staged = first.trees().stage();
  Store second = open();
  second.blobs().put("bytes");
  EXPECT_EQ(owners().size(), 4U);
  EXPECT_EQ(names_in(staged.path()), std::vector<std::string>());
}

TEST_F(OwnerTest, AFolderWithoutLockFileIsSwept) {
  open();
  base::ensure_directory(file("tmp/77-nobody"));
  Store store = open();
  store.blobs().put("bytes");
  EXPECT_EQ(owners().size(), 2U);
}

TEST_F(OwnerTest, ADeadOwnerIsClaimedByOneOnly) {
  Store store = open();
  leave_behind("1-dead");
  Layout layout = open_layout(root());
  std::vector<DeadOwner> first = claim_dead_owners(layout);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].name(), "1-dead");
  EXPECT_TRUE(claim_dead_owners(layout).empty());
  first[0].bury(layout);
  EXPECT_EQ(owners(), std::vector<std::string>());
}

TEST_F(OwnerTest, LifeIsTheLock) {
  open();
  Layout layout = open_layout(root());
  std::string name;
  {
    Owner owner(layout);
    name = owner.name();
    EXPECT_TRUE(is_alive(layout, name));
  }
  EXPECT_FALSE(is_alive(layout, name));
  leave_behind("5-dead");
  EXPECT_FALSE(is_alive(layout, "5-dead"));
}

}  // namespace
}  // namespace slipway::cache
