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

// Pieces of a text, in an order that does not come again.
std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < 100'000) {
    text += cat(random() % 100'000, random() % 7 == 0 ? "\n" : " some words ");
  }
  std::string out;
  while (out.size() < size) {
    out.append(text, random() % 90'000, 100 + random() % 900);
  }
  out.resize(size);
  return out;
}

struct Compressed {
  std::string bytes;
  std::vector<CompressedBlock> blocks;
};

Compressed compress(std::string_view plain, const CompressOptions& options,
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
  DetectedSource source = open_decompressed(std::make_unique<StringSource>(compressed), "data");
  return read_all(*source.plain, std::size_t{1} << 30, "data");
}

// How many blocks of `older` the newer one has, too.
std::size_t count_common(const Compressed& newer, const Compressed& older) {
  return static_cast<std::size_t>(
      std::ranges::count_if(older.blocks, [&](const CompressedBlock& block) {
        return std::ranges::find(newer.blocks, block) != newer.blocks.end();
      }));
}

struct Kind {
  const char* name;
  CompressOptions options;
  codec::BlockSizes sizes;
  std::size_t end_bytes;  // after the last block
};
class BlockCompressors : public testing::TestWithParam<Kind> {
 protected:
  static const CompressOptions& options() { return GetParam().options; }
  static const codec::BlockSizes& sizes() { return GetParam().sizes; }
  // Of some eight to ten blocks.
  static std::string some_noise(unsigned seed) { return noise(sizes().max * 7 + 12'345, seed); }
};

INSTANTIATE_TEST_SUITE_P(
    Compressions, BlockCompressors,
    testing::Values(Kind{"Gzip", {}, codec::kGzipBlocks, 10},
                    Kind{"Zstd", {.compression = Compression::kZstd}, codec::kZstdBlocks, 0}),
    [](const auto& kind) { return kind.param.name; });

TEST_P(BlockCompressors, BlocksSayWhereTheyStand) {
  std::string plain = some_noise(1);
  Compressed compressed = compress(plain, options());
  std::size_t place = 0;
  std::size_t offset = first_block_offset(options().compression);
  for (const CompressedBlock& block : compressed.blocks) {
    EXPECT_EQ(check_of(std::string_view(compressed.bytes).substr(offset, block.compressed_size)),
              block.check);
    EXPECT_LE(block.size, sizes().max);
    place += block.size;
    EXPECT_TRUE(place == plain.size() || block.size >= sizes().min);
    offset += block.compressed_size;
  }
  EXPECT_EQ(place, plain.size());
  EXPECT_EQ(offset + GetParam().end_bytes, compressed.bytes.size());
  EXPECT_GE(compressed.blocks.size(), 8U);
  EXPECT_TRUE(decompress(compressed.bytes) == plain);
}

TEST_P(BlockCompressors, CutsDoNotDependOnThreadsOrWrites) {
  std::string plain = some_noise(2);
  Compressed expected = compress(plain, options());
  for (unsigned threads : {1U, 3U}) {
    for (std::size_t piece : {1000UL, 777'777UL, 9'000'000UL}) {
      CompressOptions with_threads = options();
      with_threads.threads = threads;
      Compressed other = compress(plain, with_threads, piece);
      EXPECT_TRUE(other.bytes == expected.bytes) << threads << " " << piece;
      EXPECT_EQ(other.blocks, expected.blocks);
    }
  }
}

TEST_P(BlockCompressors, OneStretchOfOneByteIsCutAtTheLargestSize) {
  for (int byte = 0; byte < 256; ++byte) {
    codec::BlockCutter cutter(sizes());
    EXPECT_EQ(cutter.find_end(std::string(sizes().max, static_cast<char>(byte))), sizes().max);
  }
  EXPECT_EQ(compress(std::string(3 * sizes().max, '\0'), options()).blocks.size(), 3U);
}

TEST_P(BlockCompressors, BlocksAwayFromAChangeStayAsTheyWere) {
  std::string plain = noise(20 * sizes().max, 3);
  const std::size_t middle = plain.size() / 2;
  Compressed older = compress(plain, options());
  std::string inserted = plain;
  inserted.insert(middle, noise(512 * 77, 4));
  std::string removed = plain;
  removed.erase(middle, 512 * 99);
  std::string changed = plain;
  changed[middle] ^= 1;
  std::string at_front = noise(512, 5) + plain;
  for (const std::string& newer : {inserted, removed, changed, at_front}) {
    Compressed compressed = compress(newer, options());
    EXPECT_TRUE(decompress(compressed.bytes) == newer);
    EXPECT_GE(count_common(compressed, older) + 6, older.blocks.size());
  }
}

TEST(BlockCompressor, PuttingBlocksGivesTheSameStreamAsWritingThem) {
  std::string plain = noise(17'000'000, 6);
  for (CompressOptions options :
       {CompressOptions{}, CompressOptions{.threads = 2}, CompressOptions{.level = 6},
        CompressOptions{.threads = 1, .gzip_encoder = GzipEncoder::kPortable},
        CompressOptions{.compression = Compression::kZstd},
        CompressOptions{.compression = Compression::kZstd, .level = 1, .threads = 2}}) {
    Compressed whole = compress(plain, options);
    std::vector<std::size_t> ends = ends_of(whole);
    for (unsigned pattern = 0; pattern < 8; ++pattern) {
      StringSink out;
      std::unique_ptr<BlockCompressor> sink = make_block_compressor(out, options);
      std::size_t place = 0;
      std::size_t offset = first_block_offset(options.compression);
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

TEST_P(BlockCompressors, WriteSomeStopsAtTheEndOfABlock) {
  std::string plain = some_noise(7);
  std::vector<std::size_t> ends = ends_of(compress(plain, options()));
  StringSink out;
  std::unique_ptr<BlockCompressor> sink = make_block_compressor(out, options());
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

// The whole of it is a valid stream, as other programs want one.
TEST_P(BlockCompressors, NothingIsAStreamWithoutBlocks) {
  Compressed compressed = compress("", options());
  EXPECT_TRUE(compressed.blocks.empty());
  EXPECT_EQ(detect_compression(compressed.bytes), options().compression);
  EXPECT_EQ(decompress(compressed.bytes), "");
}

TEST(BlockCompressor, WhatHasNoBlocks) {
  StringSink out;
  for (const CompressOptions& options :
       {CompressOptions{.compression = Compression::kZstd, .level = 10},
        CompressOptions{.compression = Compression::kNone}}) {
    EXPECT_FALSE(has_blocks(options));
    EXPECT_EQ(make_block_compressor(out, options), nullptr);
  }
}

}  // namespace
}  // namespace slipway::base
