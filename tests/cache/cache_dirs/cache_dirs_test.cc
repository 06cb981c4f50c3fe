#include "cache/cache_dirs/cache_dirs.h"

#include <atomic>
#include <thread>

#include "base/text.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::ErrorKind;
using testing_support::bytes_of_file;
using testing_support::error_kind_of;
using testing_support::error_of;
using testing_support::names_in;

class CacheDirsTest : public testing_support::StoreTest {
 protected:
  static CacheDirs::Seed seed(std::string_view text) {
    return [text = std::string(text)](const std::string& path) {
      base::write_file_atomically(base::open_directory(path), "seed", text);
    };
  }
  CacheDirs::Key key_{"", "/root/.cache"};
};

TEST_F(CacheDirsTest, ContentStaysBetweenUses) {
  Store store = open();
  std::string first;
  {
    CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
    first = use.path();
    base::write_file_atomically(base::open_directory(use.path()), "kept", "yes");
  }
  Store later = open();
  CacheDirUse use = later.cache_dirs().use(key_, CacheSharing::kLocked, {}, {});
  EXPECT_EQ(use.path(), first);
  EXPECT_EQ(bytes_of_file(use.path() + "/kept"), "yes");
}

TEST_F(CacheDirsTest, OnlyANewDirectoryIsSeeded) {
  Store store = open();
  for (const char* text : {"first", "second"}) {
    CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, seed(text), {});
    EXPECT_EQ(bytes_of_file(use.path() + "/seed"), "first");
  }
}

TEST_F(CacheDirsTest, AFailedSeedLeavesNoDirectory) {
  Store store = open();
  CacheDirs::Seed broken = [](const std::string&) {
    base::fail(ErrorKind::kInput, "no initial content");
  };
  EXPECT_EQ(error_of([&] { store.cache_dirs().use(key_, CacheSharing::kShared, broken, {}); }),
            "no initial content");
  EXPECT_TRUE(store.cache_dirs().list().empty());
  EXPECT_EQ(names_in(file("cache_dirs")), std::vector<std::string>());
  CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, seed("good"), {});
  EXPECT_EQ(bytes_of_file(use.path() + "/seed"), "good");
}

TEST_F(CacheDirsTest, KeysAndNameSpacesAreKeptApart) {
  Store store = open();
  CacheDirUse one = store.cache_dirs().use({"a", "x"}, CacheSharing::kShared, {}, {});
  CacheDirUse two = store.cache_dirs().use({"b", "x"}, CacheSharing::kShared, {}, {});
  CacheDirUse three = store.cache_dirs().use({"a", "y"}, CacheSharing::kShared, {}, {});
  EXPECT_NE(one.path(), two.path());
  EXPECT_NE(one.path(), three.path());
}

TEST_F(CacheDirsTest, SharedUsersHaveOneDirectory) {
  Store first = open();
  Store second = open();
  CacheDirUse one = first.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  CacheDirUse two = second.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  EXPECT_EQ(one.path(), two.path());
}

TEST_F(CacheDirsTest, PrivateUsersHaveOneEachAndUseThemAgain) {
  Store store = open();
  std::string first;
  std::string second;
  {
    CacheDirUse one = store.cache_dirs().use(key_, CacheSharing::kPrivate, {}, {});
    CacheDirUse two = store.cache_dirs().use(key_, CacheSharing::kPrivate, {}, {});
    first = one.path();
    second = two.path();
    EXPECT_NE(first, second);
  }
  CacheDirUse again = store.cache_dirs().use(key_, CacheSharing::kPrivate, {}, {});
  EXPECT_EQ(again.path(), first);
  EXPECT_EQ(store.cache_dirs().list().size(), 2U);
}

TEST_F(CacheDirsTest, LockedUsersWaitForEachOther) {
  Store store = open();
  std::optional<CacheDirUse> first = store.cache_dirs().use(key_, CacheSharing::kLocked, {}, {});
  std::atomic<bool> freed = false;
  std::jthread other([&] {
    CacheDirUse second = store.cache_dirs().use(key_, CacheSharing::kLocked, {}, {});
    EXPECT_TRUE(freed);
  });
  freed = true;
  first.reset();
}

TEST_F(CacheDirsTest, WaitingCanBeCancelled) {
  Store store = open();
  CacheDirUse first = store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  EXPECT_EQ(error_kind_of(
                [&] { store.cache_dirs().use(key_, CacheSharing::kLocked, {}, stop.get_token()); }),
            ErrorKind::kCancelled);
}

TEST_F(CacheDirsTest, ADirectoryInUseIsNotRemoved) {
  Store store = open();
  {
    CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
    EXPECT_TRUE(store.cache_dirs().is_in_use(store.cache_dirs().list().at(0)));
    EXPECT_FALSE(store.cache_dirs().remove(store.cache_dirs().list().at(0)));
  }
  EXPECT_TRUE(store.cache_dirs().remove(store.cache_dirs().list().at(0)));
  EXPECT_TRUE(store.cache_dirs().list().empty());
  EXPECT_EQ(names_in(file("cache_dirs")), std::vector<std::string>());
}

TEST_F(CacheDirsTest, ADirectoryDeletedFromOutsideIsMadeAnew) {
  Store store = open();
  std::string path;
  {
    CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, seed("one"), {});
    path = use.path();
  }
  base::remove_tree(path);
  CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, seed("two"), {});
  EXPECT_EQ(bytes_of_file(use.path() + "/seed"), "two");
}

TEST_F(CacheDirsTest, UsesAreRemembered) {
  Store store = open();
  store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  clock_->step_seconds(3600);
  store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  EXPECT_EQ(store.cache_dirs().list().at(0).last_use, clock_->now());
}

TEST_F(CacheDirsTest, ManyThreadsMakeOneDirectory) {
  Store store = open();
  {
    std::vector<std::jthread> threads;
    for (int count = 0; count < 8; ++count) {
      threads.emplace_back([&] {
        CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kLocked,
                                                 [&](const std::string& path) {
                                                   base::write_file_atomically(
                                                       base::open_directory(path), "count", "0");
                                                 },
                                                 {});
        int count_now = *base::parse_integer<int>(bytes_of_file(use.path() + "/count"));
        base::write_file_atomically(base::open_directory(use.path()), "count", cat(count_now + 1));
      });
    }
  }
  CacheDirUse use = store.cache_dirs().use(key_, CacheSharing::kShared, {}, {});
  EXPECT_EQ(bytes_of_file(use.path() + "/count"), "8");
  EXPECT_EQ(names_in(file("cache_dirs")).size(), 1U);
}

}  // namespace
}  // namespace slipway::cache
