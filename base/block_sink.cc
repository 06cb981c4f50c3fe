// Streams of blocks (as block_compressor.h has them). Each block is compressed by itself; so
// threads can work on several at once, the bytes are the same for any number of them, and blocks of
// an older stream fit between new ones.
//
// gzip: a single member (RFC 1952), each block ended by a sync flush:
//   header | block 0 + flush | block 1 + flush | ... | empty final block | CRC-32 | length
// zstd: a frame for each block, one after the other (RFC 8878, 3); nothing is one empty frame.
//
// A dictionary from the block before would save a tenth of a percent of a usual layer, cost a third
// more time, and tie each block to its neighbour.
//
// Slots go round in a ring: the caller fills one while threads compress the others, and takes them
// out in order.
#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <deque>

#include "base/block_cutter.h"
#include "base/compress_codecs.h"
#include "base/guarded.h"
#include "base/piece_checks.h"
#include "base/text.h"
#include "base/worker_pool.h"

namespace slipway::base::codec {

namespace {

// No name, no time, no flags, unknown system: what makes two runs differ elsewhere.
constexpr std::string_view kGzipHeader{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};
// The shortest final block: fixed codes, end of block.
constexpr std::string_view kFinalBlock{"\x03\x00", 2};
// One segment of size 0, and the last, raw block of size 0.
constexpr std::string_view kEmptyFrame{"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9};

constexpr unsigned kThreadsMax = 16;

void append_little_endian(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    out += static_cast<char>((value >> (8 * i)) & 0xff);
  }
}

// What stands around the blocks, and how large they are.
class Format {
 public:
  explicit Format(Compression compression) : is_gzip_(compression == Compression::kGzip) {}

  BlockSizes sizes() const { return is_gzip_ ? kGzipBlocks : kZstdBlocks; }
  std::string_view header() const { return is_gzip_ ? kGzipHeader : std::string_view(); }
  // After the last block; of the plain bytes.
  std::string end(std::uint32_t crc, std::uint64_t length) const {
    if (!is_gzip_) {
      return std::string(length == 0 ? kEmptyFrame : std::string_view());
    }
    std::string end(kFinalBlock);
    append_little_endian(end, crc);
    append_little_endian(end, static_cast<std::uint32_t>(length));
    return end;
  }

 private:
  bool is_gzip_;
};

bool uses_isal(const CompressOptions& options) {
  return options.gzip_encoder == GzipEncoder::kFastest && isal_encodes(gzip_level(options));
}

std::unique_ptr<BlockEncoder> make_encoder(const CompressOptions& options) {
  if (options.compression == Compression::kZstd) {
    return make_zstd_encoder(zstd_level(options));
  }
  int level = gzip_level(options);
  return uses_isal(options) ? make_isal_encoder(level) : make_zlib_encoder(level);
}

// One block on its way. Touched by the caller, or by the thread that compresses it, never by both:
// `done` hands it over.
struct Slot {
  std::unique_ptr<char[]> memory;
  std::size_t size = 0;
  std::vector<char> output_memory;
  std::optional<std::string_view> output;
  CompressedBlock block;
  std::unique_ptr<BlockEncoder> encoder;
  Guarded<bool> done{true};

  std::string_view bytes() const { return {memory.get(), size}; }

  void compress() {
    output = encoder->encode(bytes(), output_memory);
    if (output) {
      block = {.size = static_cast<std::uint32_t>(size),
               .compressed_size = static_cast<std::uint32_t>(output->size()),
               .crc = crc_of(bytes()),
               .check = check_of(*output)};
    }
  }
  void wait() {
    done.lock().wait([](const bool& is_done) { return is_done; });
  }
};

class BlockSink : public BlockCompressor {
 public:
  BlockSink(Sink& next, const CompressOptions& options)
      : next_(&next),
        options_(options),
        format_(options.compression),
        slots_(std::min(options.threads, kThreadsMax) + 1),
        cutter_(format_.sizes()) {
    next_->write(format_.header());
    prepare(slots_.front());
  }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      bytes.remove_prefix(write_some(bytes));
    }
  }

  std::size_t write_some(std::string_view bytes) override {
    Slot& slot = current();
    const std::size_t size_before = slot.size;
    std::size_t count = std::min(bytes.size(), format_.sizes().max - size_before);
    std::memcpy(slot.memory.get() + size_before, bytes.data(), count);
    slot.size += count;
    std::optional<std::size_t> end = cutter_.find_end(slot.bytes());
    if (!end) {
      return count;
    }
    slot.size = *end;
    advance();
    return *end - size_before;
  }

  bool is_between_blocks() const override { return slots_[filling_ % slots_.size()].size == 0; }

  void put(const CompressedBlock& block, std::string_view compressed) override {
    assert(is_between_blocks() && compressed.size() == block.compressed_size);
    take_all();
    hand_on(block, compressed);
  }

  const std::vector<CompressedBlock>& blocks() const override { return blocks_; }

  void finish() override {
    // The last block is compressed here: whoever wrote less than one needs no thread.
    take_all();
    if (!is_between_blocks()) {
      current().compress();
      take(current());
    }
    next_->write(format_.end(crc_, length_));
    next_->finish();
  }

 private:
  Slot& current() { return slots_[filling_ % slots_.size()]; }

  // The current slot has a whole block: have it compressed and go on with the next.
  void advance() {
    if (slots_.size() == 1) {
      current().compress();
      take(current());
      ++taken_;
    } else {
      submit(current());
    }
    ++filling_;
    if (filling_ - taken_ == slots_.size()) {
      take(current());
      ++taken_;
    }
    prepare(current());
  }

  void submit(Slot& slot) {
    if (pool_ == nullptr) {
      pool_ = std::make_unique<WorkerPool>(static_cast<unsigned>(slots_.size() - 1));
    }
    *slot.done.lock() = false;
    pool_->submit([&slot] {
      slot.compress();
      *slot.done.lock() = true;
      slot.done.notify_all();
    });
  }

  void prepare(Slot& slot) {
    if (slot.encoder == nullptr) {
      slot.encoder = make_encoder(options_);
      slot.memory = std::make_unique_for_overwrite<char[]>(format_.sizes().max);
    }
    slot.size = 0;
    cutter_.reset();
  }

  // Everything before the block that is being filled.
  void take_all() {
    for (; taken_ < filling_; ++taken_) {
      take(slots_[taken_ % slots_.size()]);
    }
  }

  // Waits for a block and hands its bytes on.
  void take(Slot& slot) {
    slot.wait();
    if (!slot.output) {
      fail(ErrorKind::kInternal, cat("compressing with ", encoder_id(options_), " failed"));
    }
    hand_on(slot.block, *slot.output);
  }

  void hand_on(const CompressedBlock& block, std::string_view compressed) {
    crc_ = static_cast<std::uint32_t>(
        crc32_combine(crc_, block.crc, static_cast<z_off_t>(block.size)));
    length_ += block.size;
    blocks_.push_back(block);
    next_->write(compressed);
  }

  Sink* next_;  // owned by the caller
  CompressOptions options_;
  Format format_;
  std::deque<Slot> slots_;
  BlockCutter cutter_;
  std::size_t filling_ = 0;  // number of the block that is being filled, of those not put()
  std::size_t taken_ = 0;    // how many of these were handed on
  std::uint32_t crc_ = 0;
  std::uint64_t length_ = 0;
  std::vector<CompressedBlock> blocks_;
  std::unique_ptr<WorkerPool> pool_;  // last: its threads use the slots
};

}  // namespace

int gzip_level(const CompressOptions& options) {
  int level = options.level.value_or(1);
  if (level < 0 || level > 9) {
    fail(ErrorKind::kUsage, cat("gzip has no compression level ", level, ": 0 to 9"));
  }
  return level;
}

std::string gzip_encoder_id(const CompressOptions& options) {
  int level = gzip_level(options);
  return uses_isal(options) ? cat("isal-", isal_release(), "-level", level, "-start16-cut1m")
                            : cat("zlib-", zlib_release(), "-level", level, "-cut1m");
}

std::unique_ptr<BlockCompressor> make_block_sink(Sink& next, const CompressOptions& options) {
  return std::make_unique<BlockSink>(next, options);
}

}  // namespace slipway::base::codec

namespace slipway::base {

bool has_blocks(const CompressOptions& options) {
  return options.compression == Compression::kGzip ||
         (options.compression == Compression::kZstd && codec::zstd_has_blocks(options));
}

std::uint64_t first_block_offset(Compression compression) {
  return codec::Format(compression).header().size();
}

std::unique_ptr<BlockCompressor> make_block_compressor(Sink& next, const CompressOptions& options) {
  return has_blocks(options) ? codec::make_block_sink(next, options) : nullptr;
}

}  // namespace slipway::base
