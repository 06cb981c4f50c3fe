#include "cache/stat_cache/stat_cache_file.h"

#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

class StatCacheFileTest : public testing_support::StoreTest {
 protected:
  static std::string content_of(const StatCacheFile& file) {
    std::optional<base::Fd> opened = file.open();
    return opened ? base::read_to_end(*opened, 1000) : "(absent)";
  }
};

TEST_F(StatCacheFileTest, EachContextHasItsOwnContent) {
  Store store = open();
  StatCacheFile one = store.stat_cache("/home/a");
  EXPECT_EQ(content_of(one), "(absent)");
  one.replace("first");
  store.stat_cache("/home/b").replace("other");
  EXPECT_EQ(content_of(one), "first");
  one.replace("");
  EXPECT_EQ(content_of(open().stat_cache("/home/a")), "");
}

TEST_F(StatCacheFileTest, AnOpenFileStaysAsItIs) {
  Store store = open();
  StatCacheFile file = store.stat_cache("/home/a");
  file.replace("old");
  std::optional<base::Fd> opened = file.open();
  file.replace("new");
  EXPECT_EQ(base::read_to_end(*opened, 100), "old");
  EXPECT_EQ(content_of(file), "new");
}

TEST_F(StatCacheFileTest, OpeningCountsAsUse) {
  Store store = open();
  StatCacheFile file = store.stat_cache("/home/a");
  file.replace("content");
  clock_->step_seconds(3600);
  std::optional<base::Fd> opened = file.open();
  EXPECT_EQ(base::get_status(*opened, "").st_mtim.tv_sec, clock_->now().seconds);
}

}  // namespace
}  // namespace slipway::cache
