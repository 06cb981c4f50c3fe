#include "base/named_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"

namespace slipway::base {
namespace {

class NamedFileTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string content(const std::string& name) const {
    return find_file_content(path(name), 1000).value_or("(none)");
  }
  std::size_t files() const { return list_directory(open_directory(folder_.path())).size(); }

  TempDir folder_{"/tmp", "slipway-test-"};
};

TEST_F(NamedFileTest, AppearsCompleteOrNotAtAll) {
  write_named_file(path("f"), "old");
  {
    NamedFile dropped(path("f"));
    write_all(dropped.fd(), "half");
    EXPECT_EQ(content("f"), "old");
  }
  EXPECT_EQ(content("f"), "old");
  EXPECT_EQ(files(), 1U);
  NamedFile kept(path("f"), 0600);
  write_all(kept.fd(), "new");
  EXPECT_EQ(content("f"), "old");
  kept.finish();
  EXPECT_EQ(content("f"), "new");
  EXPECT_EQ(files(), 1U);
}

TEST_F(NamedFileTest, ALinkStaysOneAndItsFileIsReplaced) {
  write_named_file(path("kept"), "old");
  ASSERT_EQ(::symlink("kept", path("link").c_str()), 0);
  write_named_file(path("link"), "new");
  EXPECT_EQ(content("kept"), "new");
  struct stat status{};
  ASSERT_EQ(::lstat(path("link").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  remove_named_file(path("link"));
  EXPECT_EQ(content("kept"), "(none)");
  write_named_file(path("link"), "again");
  EXPECT_EQ(content("kept"), "again");
  ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
  write_named_file(path("loop"), "a link to nowhere gives way");
  EXPECT_EQ(content("loop"), "a link to nowhere gives way");
}

TEST_F(NamedFileTest, APipeIsWrittenToAndStays) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = find_file_content(path("pipe"), 1000).value_or(""); });
  write_named_file(path("pipe"), "through");
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(is_special_file(path("pipe")));
  remove_named_file(path("pipe"));
  EXPECT_TRUE(is_special_file(path("pipe")));
  EXPECT_EQ(files(), 1U);
}

// Whoever opened it goes on where we end.
TEST_F(NamedFileTest, AnOpenFileIsWrittenToWhereItStands) {
  Fd file = open_file(path("f"), O_WRONLY | O_CREAT, 0600);
  const std::string number = std::to_string(file.get());
  ASSERT_EQ(::symlink(("/dev/fd/" + number).c_str(), path("link").c_str()), 0);
  write_all(file, "before ");
  write_named_file("/dev/fd/" + number, "one ");
  write_all(file, "between ");
  write_named_file("/proc/self/fd/" + number, "two ");
  write_named_file(path("link"), "three ");
  remove_named_file("/dev/fd/" + number);
  remove_named_file(path("link"));
  write_all(file, "after");
  EXPECT_EQ(content("f"), "before one between two three after");
  EXPECT_TRUE(is_special_file("/dev/fd/" + number));
  EXPECT_TRUE(is_special_file(path("link")));
  EXPECT_FALSE(is_special_file(path("f")));
  EXPECT_THROW(write_named_file("/dev/fd/9999", "x"), Error);
}

TEST_F(NamedFileTest, ASocketCanBeAnOpenFile) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  write_named_file("/dev/fd/" + std::to_string(theirs.get()), "through");
  char bytes[8] = {};
  EXPECT_EQ(::read(ours.get(), bytes, sizeof bytes), 7);
  EXPECT_STREQ(bytes, "through");
}

TEST_F(NamedFileTest, ADeviceIsNeitherReplacedNorRemoved) {
  if (::mknod(path("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "needs root: a device node can't be made";
  }
  remove_named_file(path("null"));
  write_named_file(path("null"), "gone");
  struct stat status{};
  ASSERT_EQ(::stat(path("null").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_F(NamedFileTest, RemovesFilesAndTakesTheirAbsence) {
  write_named_file(path("f"), "x");
  remove_named_file(path("f"));
  remove_named_file(path("f"));
  EXPECT_EQ(files(), 0U);
}

TEST_F(NamedFileTest, AFolderIsAnError) {
  EXPECT_THROW(write_named_file(folder_.path(), "x"), Error);
}

}  // namespace
}  // namespace slipway::base
