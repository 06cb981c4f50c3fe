#include "registry/tar_writer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::registry {
namespace {

// Where this stops writing is 8 GiB: zeros that are never kept.
class ZeroSource : public base::Source {
 public:
  explicit ZeroSource(std::uint64_t size) : left_(size) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    left_ -= count;
    return count;
  }

 private:
  std::uint64_t left_;
};

// Keeps the beginning only.
class HeadSink : public base::Sink {
 public:
  void write(std::string_view bytes) override {
    head += bytes.substr(0, 4096 - std::min<std::size_t>(head.size(), 4096));
    size += bytes.size();
  }
  void finish() override {}
  std::string head;
  std::uint64_t size = 0;
};

TEST(TarWriter, HeadersAreUstar) {
  base::StringSink sink;
  TarWriter tar(sink);
  tar.directory("blobs/");
  tar.file("a", "bc");
  tar.finish();
  EXPECT_EQ(sink.text().size(), 512U * 5);
  EXPECT_EQ(sink.text().substr(0, 6), "blobs/");
  EXPECT_EQ(sink.text()[156], '5');
  EXPECT_EQ(sink.text().substr(512 + 100, 8), std::string("0000644\0", 8));
  EXPECT_EQ(sink.text().substr(512 + 124, 12), std::string("00000000002\0", 12));
  EXPECT_EQ(sink.text().substr(512 + 136, 12), std::string("00000000000\0", 12));
  EXPECT_EQ(sink.text().substr(512 + 257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(sink.text().substr(1024, 3), std::string("bc\0", 3));
}

TEST(TarWriter, LongNamesGetAPaxRecord) {
  base::StringSink sink;
  TarWriter tar(sink);
  std::string name = "blobs/sha512/" + std::string(128, 'a');
  tar.file(name, "bc");
  EXPECT_EQ(sink.text()[156], 'x');
  EXPECT_EQ(sink.text().substr(512, 151), "151 path=" + name + "\n");
  EXPECT_EQ(sink.text().substr(1024, 100), name.substr(0, 100));
  EXPECT_EQ(sink.text().substr(1536, 3), std::string("bc\0", 3));
}

TEST(TarWriter, SizesBeyondTheFieldGetAPaxRecord) {
  HeadSink sink;
  TarWriter tar(sink);
  constexpr std::uint64_t kSize = 1ULL << 33;
  ZeroSource zeros(kSize);
  tar.file("large", kSize, zeros, {});
  EXPECT_EQ(sink.head[156], 'x');
  EXPECT_EQ(sink.head.substr(512, 19), "19 size=8589934592\n");
  EXPECT_EQ(sink.head.substr(1024, 5), "large");
  EXPECT_EQ(sink.size, 3 * 512 + kSize);
}

TEST(TarWriter, ContentOfAnotherSizeIsAnError) {
  base::StringSink sink;
  TarWriter tar(sink);
  base::StringSource source("abc");
  EXPECT_THROW(tar.file("a", 4, source, {}), base::Error);
}

}  // namespace
}  // namespace slipway::registry
