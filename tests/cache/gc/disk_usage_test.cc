#include "cache/gc/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

class DiskUsageTest : public testing::Test {
 protected:
  std::uint64_t usage(const std::string& name) { return disk_usage(top_, name, {}); }
  std::uint64_t bytes_of(const std::string& name) {
    return static_cast<std::uint64_t>(base::get_status(top_, name).st_blocks) * 512;
  }
  void write(const base::Fd& directory, const std::string& name, std::size_t size) {
    base::write_file_atomically(directory, name, std::string(size, 'x'));
  }
  base::TempDir folder_{"/tmp", "slipway-usage-"};
  base::Fd top_ = base::open_directory(folder_.path());
};

TEST_F(DiskUsageTest, CountsAFileAndATree) {
  base::Fd deep = base::ensure_directory(top_, "tree/a/b");
  write(deep, "one", 10'000);
  write(top_, "two", 5000);
  EXPECT_EQ(usage("two"), bytes_of("two"));
  EXPECT_EQ(usage("tree"), bytes_of("tree") + bytes_of("tree/a") + bytes_of("tree/a/b") +
                               bytes_of("tree/a/b/one"));
  EXPECT_EQ(usage("absent"), 0U);
}

TEST_F(DiskUsageTest, AFileOfManyNamesCountsOnce) {
  base::Fd tree = base::ensure_directory(top_, "tree");
  write(tree, "one", 100'000);
  ASSERT_EQ(::linkat(tree.get(), "one", tree.get(), "two", 0), 0);
  EXPECT_EQ(usage("tree"), bytes_of("tree") + bytes_of("tree/one"));
}

TEST_F(DiskUsageTest, FollowsNoLinks) {
  base::ensure_directory(top_, "big");
  write(base::open_at(top_, "big", O_RDONLY), "file", 100'000);
  ASSERT_EQ(::symlinkat("big", top_.get(), "link"), 0);
  base::ensure_directory(top_, "tree");
  ASSERT_EQ(::symlinkat("../big", top_.get(), "tree/link"), 0);
  EXPECT_LT(usage("link"), 100'000U);
  EXPECT_LT(usage("tree"), 100'000U);
}

TEST_F(DiskUsageTest, DepthIsNoLimit) {
  base::Fd here = base::ensure_directory(top_, "tree");
  for (int depth = 0; depth < 1500; ++depth) {  // more than descriptors, longer than any path
    here = base::ensure_directory(here, "a-directory-with-a-long-name");
  }
  write(here, "bottom", 1'000'000);
  EXPECT_GE(usage("tree"), 1'000'000U);
}

TEST_F(DiskUsageTest, StopsWhenAsked) {
  base::ensure_directory(top_, "tree");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(testing_support::error_kind_of([&] { disk_usage(top_, "tree", stop.get_token()); }),
            base::ErrorKind::kCancelled);
}

}  // namespace
}  // namespace slipway::cache
