#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/compress.h"
#include "base/stream.h"

// Compressing in blocks that stand for themselves, so that what was compressed once can be put into
// another stream again.
//
// The plain bytes are cut where they themselves say: after a unit of 512 bytes (what a tar is made
// of) whose checksum ends in some zero bits, but not before a block has its least size, and always
// where it has its largest: from 512 KiB to 1 MiB for gzip, 2 to 4 MiB for zstd. Whether a block
// ends depends on nothing but its own bytes. So where two streams have the same bytes at the
// beginning of a block of each, the blocks are the same, and those that follow, too, as long as the
// bytes are; and after a place where the streams differ the cuts soon fall together again, wherever
// in the streams they stand. A block is compressed without looking at those before it: equal bytes
// give equal compressed bytes.

namespace slipway::base {

// The smallest and the largest that any block can be; only the last one of a stream may be smaller.
inline constexpr std::size_t kBlockBytesMin = 512 << 10;
inline constexpr std::size_t kBlockBytesMax = 4 << 20;

// A block of a compressed stream.
struct CompressedBlock {
  std::uint32_t size = 0;             // of the plain bytes
  std::uint32_t compressed_size = 0;  // not 0
  std::uint32_t crc = 0;              // of the plain bytes, CRC-32 as gzip has it
  std::uint64_t check = 0;            // of the compressed ones: check_of(), piece_checks.h
  friend bool operator==(const CompressedBlock&, const CompressedBlock&) = default;
};

// CRC-32, as gzip has it.
std::uint32_t crc_of(std::string_view plain);

// Where blocks stand in a compressed stream: one follows the other, and the first one begins here.
std::uint64_t first_block_offset(Compression compression);

// As what make_compressor() gives, and block by block.
class BlockCompressor : public Sink {
 public:
  // Takes at least one byte, and none beyond the end of a block; returns how many. Precondition:
  // there are some.
  virtual std::size_t write_some(std::string_view bytes) = 0;
  // True at the beginning, after the last byte of each block and after put().
  virtual bool is_between_blocks() const = 0;
  // A block that was compressed before by a compressor of the same encoder_id(), instead of its
  // plain bytes; it was not the last one of its stream. Precondition: is_between_blocks()
  // (asserted), and `compressed` is what the block says.
  virtual void put(const CompressedBlock& block, std::string_view compressed) = 0;
  // What was handed on so far, in order. All of them after finish().
  virtual const std::vector<CompressedBlock>& blocks() const = 0;
};

// Whether streams are made of such blocks: those of gzip, and of zstd up to level 9, which looks
// further back beyond.
bool has_blocks(const CompressOptions& options);

// Null without has_blocks().
std::unique_ptr<BlockCompressor> make_block_compressor(Sink& next, const CompressOptions& options);

}  // namespace slipway::base
