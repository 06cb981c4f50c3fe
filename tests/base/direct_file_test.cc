#include "base/direct_file.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/stream.h"
#include "base/text.h"

namespace slipway::base {
namespace {

// In the build folder's file system (most know O_DIRECT) and in one of memory (many do not).
class DirectFileTest : public testing::TestWithParam<const char*> {};

TEST_P(DirectFileTest, HoldsWhatWasWritten) {
  TempDir folder(GetParam(), "direct-");
  for (std::size_t size : {0, 1, 4096, 1 << 20, (1 << 20) + 1, (3 << 20) + 12'345}) {
    std::string bytes;
    for (std::size_t i = 0; bytes.size() < size; ++i) {
      bytes += cat(i, " ");
    }
    bytes.resize(size);
    std::string path = cat(folder.path(), "/", size);
    DirectFile file(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600), path);
    for (std::string_view left = bytes; !left.empty();) {
      std::size_t count = std::min<std::size_t>(left.size(), 300'007);
      file.write(left.substr(0, count));
      left.remove_prefix(count);
    }
    file.close();
    EXPECT_TRUE(read_to_end(open_file(path, O_RDONLY), size) == bytes) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(FileSystems, DirectFileTest, testing::Values(".", "/dev/shm"));

TEST(DirectFile, AFailureOfTheDiskIsThrown) {
  DirectFile file(open_file("/dev/full", O_WRONLY), "/dev/full");
  EXPECT_THROW(
      {
        file.write(std::string(2 << 20, 'x'));
        file.close();
      },
      Error);
}

}  // namespace
}  // namespace slipway::base
