#include "base/compress.h"

#include <fcntl.h>

#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"

namespace slipway::base {
namespace {

// Text that compresses like a layer does: words from a small set, with stretches of noise.
std::string sample(std::size_t size) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < size) {
    if (random() % 50 == 0) {
      for (int i = 0; i < 500; ++i) {
        out += static_cast<char>(random());
      }
    }
    out += cat("usr/share/doc/", random() % 1000, "/copyright\n");
  }
  out.resize(size);
  return out;
}

std::string compress(std::string_view plain, const CompressOptions& options,
                     std::size_t piece = 100'000) {
  StringSink out;
  std::unique_ptr<Sink> sink = make_compressor(out, options);
  for (std::size_t place = 0; place < plain.size(); place += piece) {
    sink->write(plain.substr(place, piece));
  }
  sink->finish();
  return out.take();
}

// Gives at most `piece` bytes at a time.
class DribblingSource : public Source {
 public:
  DribblingSource(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  std::size_t read(std::span<char> bytes) override {
    return text_.read(bytes.first(std::min(bytes.size(), piece_)));
  }

 private:
  StringSource text_;
  std::size_t piece_;
};

std::string decompress(std::string compressed, std::size_t piece = 1 << 20) {
  DetectedSource source = open_decompressed(
      std::make_unique<DribblingSource>(std::move(compressed), piece), "the test's data");
  return read_all(*source.plain, 1 << 28, "the test's data");
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return describe(error);
  }
  return "no error";
}

// The exit code of a shell command.
int run_shell(const std::string& command) {
  return run_program({.argv = {"sh", "-c", command}, .environment = {"PATH=/usr/bin:/bin"}})
      .status.shell_code();
}
constexpr int kNoSuchCommand = 127;

struct Case {
  const char* name;
  CompressOptions options;
};
class Compressors : public testing::TestWithParam<Case> {};

TEST_P(Compressors, GiveBackWhatTheyGot) {
  for (std::size_t size : {0UL, 1UL, 1000UL, 1UL << 20, (1UL << 20) + 1, 5'000'000UL}) {
    std::string plain = sample(size);
    std::string compressed = compress(plain, GetParam().options);
    EXPECT_TRUE(decompress(compressed) == plain) << size;
    EXPECT_TRUE(decompress(compressed, 7) == plain || size > 1000) << size;
  }
}

TEST_P(Compressors, GiveTheSameBytesForAnyNumberOfThreadsAndAnyCut) {
  std::string plain = sample(9'500'000);
  CompressOptions options = GetParam().options;
  options.threads = 0;
  Digest expected = sha256_of(compress(plain, options));
  for (unsigned threads : {1U, 2U, 4U}) {
    options.threads = threads;
    EXPECT_EQ(sha256_of(compress(plain, options, 1 << 20)), expected) << threads;
    EXPECT_EQ(sha256_of(compress(plain, options, 777'777)), expected) << threads;
  }
}

TEST_P(Compressors, ReportTruncationWhereverItIs) {
  std::string compressed = compress(sample(3'000'000), GetParam().options);
  for (std::size_t left : {std::size_t{8}, compressed.size() / 2, compressed.size() - 1}) {
    EXPECT_EQ(error_of([&] { decompress(compressed.substr(0, left)); }),
              "compressed data ends too early\n  while decompressing the test's data")
        << left;
  }
}

TEST_P(Compressors, TakeSeveralMembersAndPadding) {
  std::string one = compress("one,", GetParam().options);
  std::string two = compress("two", GetParam().options);
  EXPECT_EQ(decompress(one + two), "one,two");
  EXPECT_EQ(decompress(one + two + std::string(512, '\0')), "one,two");
  EXPECT_EQ(decompress(one + two, 1), "one,two");
}

TEST_P(Compressors, RefuseWhatFollowsTheEnd) {
  std::string compressed = compress("one", GetParam().options) + "garbage";
  EXPECT_NE(error_of([&] { decompress(compressed); }), "no error");
}

INSTANTIATE_TEST_SUITE_P(
    All, Compressors,
    testing::Values(Case{"GzipFastest", {}}, Case{"GzipLevel2", {.level = 2}},
                    Case{"GzipPortable", {.gzip_encoder = GzipEncoder::kPortable}},
                    Case{"GzipLevel0", {.level = 0}}, Case{"GzipLevel6", {.level = 6}},
                    Case{"Zstd", {.compression = Compression::kZstd}},
                    Case{"ZstdLevel12", {.compression = Compression::kZstd, .level = 12}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Compress, DamageInTheMiddleIsFound) {
  std::string plain = sample(2'000'000);
  for (CompressOptions options : {CompressOptions{}, CompressOptions{.level = 6}}) {
    std::string compressed = compress(plain, options);
    compressed[compressed.size() - 6] ^= 1;  // in the CRC
    EXPECT_EQ(error_of([&] { decompress(compressed); }),
              "damaged gzip data: wrong checksum\n  while decompressing the test's data");
  }
}

TEST(Compress, OtherProgramsReadWhatWeWrite) {
  std::string plain = sample(3'500'000);
  for (auto [command, options] : {std::pair{"gzip", CompressOptions{}},
                                  {"gzip", {.level = 9}},
                                  {"zstd", {.compression = Compression::kZstd, .threads = 2}}}) {
    TempDir folder("/tmp", "slipway-test-");
    std::string path = folder.path() + "/data";
    write_all(open_file(path, O_WRONLY | O_CREAT, 0600), compress(plain, options));
    std::string out = folder.path() + "/plain";
    int code = run_shell(cat(command, " -dc <", path, " >", out));
    if (code == kNoSuchCommand) {
      GTEST_SKIP() << command << " is not installed";
    }
    ASSERT_EQ(code, 0) << command;
    EXPECT_TRUE(find_file_content(out, 1 << 24) == plain) << command;
  }
}

TEST(Compress, WeReadWhatOtherProgramsWrite) {
  std::string plain = sample(3'500'000);
  TempDir folder("/tmp", "slipway-test-");
  std::string path = folder.path() + "/plain";
  write_all(open_file(path, O_WRONLY | O_CREAT, 0600), plain);
  for (std::string command :
       {"gzip -6", "bzip2", "xz -1 -T1", "xz -0 --block-size=100000", "zstd -1 --long=27"}) {
    std::string out = folder.path() + "/out";
    int code = run_shell(cat(command, " <", path, " >", out));
    if (code == kNoSuchCommand) {
      GTEST_SKIP() << command << " is not installed";
    }
    ASSERT_EQ(code, 0) << command;
    std::string compressed = find_file_content(out, 1 << 24).value();
    EXPECT_TRUE(decompress(compressed) == plain) << command;
    EXPECT_TRUE(decompress(compressed + compressed, 4096) == plain + plain) << command;
    EXPECT_EQ(error_of([&] { decompress(compressed.substr(0, compressed.size() - 9)); }),
              "compressed data ends too early\n  while decompressing the test's data")
        << command;
  }
}

// ISA-L has found other matches now and then, when its state lay elsewhere in memory.
TEST(Compress, TheBytesDoNotDependOnAddresses) {
  std::mt19937 random(5);
  // Comes back soon to what it begins with.
  std::string plain = "abcdefghijklabcd, bcdefg, cdefgh, " + sample(1500);
  const std::string expected = compress(plain, {});
  // Never touched, so that they only take addresses: what is allocated next lies elsewhere.
  std::vector<std::unique_ptr<char[]>> fillers;
  for (int i = 0; i < 12'000; ++i) {
    fillers.push_back(std::make_unique_for_overwrite<char[]>(65'536));
    ASSERT_TRUE(compress(plain, {}) == expected) << i;
  }
}

TEST(Compress, SkippableFramesOfZstdAreSkipped) {
  using namespace std::string_literals;
  std::string skippable = "\x5e\x2a\x4d\x18\x05\x00\x00\x00toc.."s;
  std::string frame = compress("data", {.compression = Compression::kZstd});
  EXPECT_EQ(decompress(skippable + frame + skippable + frame), "datadata");
}

TEST(Compress, PlainDataPassesThrough) {
  EXPECT_EQ(decompress("no magic here"), "no magic here");
  EXPECT_EQ(decompress(""), "");
  EXPECT_EQ(compress("abc", {.compression = Compression::kNone}), "abc");
}

TEST(Compress, TheEmptyGzipIsPinned) {
  EXPECT_EQ(to_hex(compress("", {})), "1f8b08000000000000ff03000000000000000000");
}

TEST(Compress, EncoderIdsTellEncodersApart) {
  EXPECT_NE(encoder_id({}), encoder_id({.level = 2}));
  EXPECT_NE(encoder_id({.gzip_encoder = GzipEncoder::kPortable}), encoder_id({.level = 2}));
  EXPECT_EQ(encoder_id({.threads = 1}), encoder_id({.threads = 4}));
  EXPECT_EQ(encoder_id({.level = 1}), encoder_id({}));
}

TEST(Compress, LevelsOutOfRangeAreRefused) {
  StringSink out;
  EXPECT_THROW(make_compressor(out, {.level = 10})->finish(), Error);
  EXPECT_THROW(make_compressor(out, {.compression = Compression::kZstd, .level = 0}), Error);
  EXPECT_THROW(make_compressor(out, {.compression = Compression::kXz}), Error);
}

}  // namespace
}  // namespace slipway::base
