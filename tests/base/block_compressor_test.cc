#include "base/block_compressor.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/block_cutter.h"
#include "base/digest.h"
#include "base/piece_checks.h"
#include "base/text.h"

namespace slipway::base {
namespace {

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) {
    out += cat(random() % 100'000, random() % 7 == 0 ? "\n" : " some words ");
  }
  out.resize(size);
  return out;
}

struct Compressed {
  std::string bytes;
  std::vector<CompressedBlock> blocks;
};

Compressed compress(std::string_view plain, const CompressOptions& options = {},
                    std::size_t piece = 64 << 10) {
  StringSink out;
  std::unique_ptr<BlockCompressor> sink = make_block_compressor(out, options);
  for (std::size_t place = 0; place < plain.size(); place += piece) {
    sink->write(plain.substr(place, piece));
  }
  sink->finish();
  return {out.take(), sink->blocks()};
}

std::vector<std::size_t> ends_of(const Compressed& compressed) {
  std::vector<std::size_t> ends;
  for (const CompressedBlock& block : compressed.blocks) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + block.size);
  }
  return ends;
}

std::string decompress(const std::string& compressed) {
  auto source =
      make_decompressor(std::make_unique<StringSource>(compressed), Compression::kGzip, "data");
  return read_all(*source, std::size_t{1} << 30, "data");
}

// How many blocks of `older` the newer one has, too.
std::size_t count_common(const Compressed& newer, const Compressed& older) {
  return static_cast<std::size_t>(
      std::ranges::count_if(older.blocks, [&](const CompressedBlock& block) {
        return std::ranges::find(newer.blocks, block) != newer.blocks.end();
      }));
}

TEST(BlockCompressor, BlocksSayWhereTheyStand) {
  std::string plain = noise(9'000'000, 1);
  Compressed compressed = compress(plain);
  std::size_t place = 0;
  std::size_t offset = kFirstBlockOffset;
  for (const CompressedBlock& block : compressed.blocks) {
    EXPECT_EQ(check_of(std::string_view(compressed.bytes).substr(offset, block.compressed_size)),
              block.check);
    EXPECT_LE(block.size, kBlockBytesMax);
    place += block.size;
    EXPECT_TRUE(place == plain.size() || block.size >= kBlockBytesMin);
    offset += block.compressed_size;
  }
  EXPECT_EQ(place, plain.size());
  EXPECT_EQ(offset + 10, compressed.bytes.size());
  EXPECT_GE(compressed.blocks.size(), 5U);
}

TEST(BlockCompressor, CutsDoNotDependOnThreadsOrWrites) {
  std::string plain = noise(9'000'000, 2);
  Compressed expected = compress(plain);
  for (unsigned threads : {1U, 3U}) {
    for (std::size_t piece : {1000UL, 512UL, 777'777UL, 9'000'000UL}) {
      Compressed other = compress(plain, {.threads = threads}, piece);
      EXPECT_TRUE(other.bytes == expected.bytes) << threads << " " << piece;
      EXPECT_EQ(other.blocks, expected.blocks);
    }
  }
}

TEST(BlockCompressor, OneStretchOfOneByteIsCutAtTheLargestSize) {
  for (int byte = 0; byte < 256; ++byte) {
    codec::BlockCutter cutter;
    EXPECT_EQ(cutter.find_end(std::string(kBlockBytesMax, static_cast<char>(byte))),
              kBlockBytesMax);
  }
  EXPECT_EQ(compress(std::string(3 * kBlockBytesMax, '\0')).blocks.size(), 3U);
}

TEST(BlockCompressor, BlocksAwayFromAChangeStayAsTheyWere) {
  std::string plain = noise(30'000'000, 3);
  Compressed older = compress(plain);
  std::string inserted = plain;
  inserted.insert(15'000'064, noise(512 * 77, 4));
  std::string removed = plain;
  removed.erase(15'000'064, 512 * 99);
  std::string changed = plain;
  changed[15'000'000] ^= 1;
  std::string at_front = noise(512, 5) + plain;
  for (const std::string& newer : {inserted, removed, changed, at_front}) {
    Compressed compressed = compress(newer);
    EXPECT_TRUE(decompress(compressed.bytes) == newer);
    EXPECT_GE(count_common(compressed, older) + 6, older.blocks.size());
  }
}

TEST(BlockCompressor, PuttingBlocksGivesTheSameStreamAsWritingThem) {
  std::string plain = noise(9'000'000, 6);
  for (CompressOptions options :
       {CompressOptions{}, CompressOptions{.threads = 2}, CompressOptions{.level = 6},
        CompressOptions{.threads = 1, .gzip_encoder = GzipEncoder::kPortable}}) {
    Compressed whole = compress(plain, options);
    std::vector<std::size_t> ends = ends_of(whole);
    for (unsigned pattern = 0; pattern < 8; ++pattern) {
      StringSink out;
      std::unique_ptr<BlockCompressor> sink = make_block_compressor(out, options);
      std::size_t place = 0;
      std::size_t offset = kFirstBlockOffset;
      for (std::size_t i = 0; i < whole.blocks.size(); ++i) {
        const CompressedBlock& block = whole.blocks[i];
        ASSERT_TRUE(sink->is_between_blocks());
        bool is_last = i + 1 == whole.blocks.size();
        if (!is_last && (pattern >> (i % 3) & 1) != 0) {
          sink->put(block, std::string_view(whole.bytes).substr(offset, block.compressed_size));
        } else {
          std::string_view bytes = std::string_view(plain).substr(place, block.size);
          while (!bytes.empty()) {
            bytes.remove_prefix(sink->write_some(bytes.substr(0, 100'000)));
          }
        }
        place += block.size;
        offset += block.compressed_size;
      }
      sink->finish();
      EXPECT_TRUE(out.text() == whole.bytes) << pattern;
      EXPECT_EQ(sink->blocks(), whole.blocks);
    }
  }
}

TEST(BlockCompressor, WriteSomeStopsAtTheEndOfABlock) {
  std::string plain = noise(5'000'000, 7);
  std::vector<std::size_t> ends = ends_of(compress(plain));
  StringSink out;
  std::unique_ptr<BlockCompressor> sink = make_block_compressor(out, {});
  std::size_t place = 0;
  std::set<std::size_t> stops;
  while (place < plain.size()) {
    place += sink->write_some(std::string_view(plain).substr(place, 300'000));
    if (sink->is_between_blocks()) {
      stops.insert(place);
    }
  }
  sink->finish();
  EXPECT_EQ(stops, std::set(ends.begin(), ends.end() - 1));
}

TEST(BlockCompressor, OnlyGzipHasBlocks) {
  StringSink out;
  EXPECT_EQ(make_block_compressor(out, {.compression = Compression::kZstd}), nullptr);
  EXPECT_EQ(make_block_compressor(out, {.compression = Compression::kNone}), nullptr);
}

}  // namespace
}  // namespace slipway::base
