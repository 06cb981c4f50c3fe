// gzip in chunks: a single member (RFC 1952) whose deflate stream is cut into chunks of 1 MiB. Each
// is compressed by itself, with the 32 KiB before it as dictionary, and ended by a sync flush; so
// threads can work on several at once and the bytes are the same for any number of them:
//
//   header | chunk 0 + flush | chunk 1 + flush | ... | empty final block | CRC-32 | length
//
// Slots go round in a ring: the caller fills one while threads compress the others, and takes them
// out in order.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <deque>

#include <isa-l.h>

#include "base/compress_codecs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/worker_pool.h"

namespace slipway::base::codec {

namespace {

// No name, no time, no flags, unknown system: what makes two runs differ elsewhere.
constexpr std::string_view kHeader{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};
// The shortest final block: fixed codes, end of block.
constexpr std::string_view kFinalBlock{"\x03\x00", 2};

constexpr unsigned kThreadsMax = 16;

void append_little_endian(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    out += static_cast<char>((value >> (8 * i)) & 0xff);
  }
}

bool uses_isal(const CompressOptions& options) {
  return options.gzip_encoder == GzipEncoder::kFastest && isal_encodes(gzip_level(options));
}

std::unique_ptr<DeflateEncoder> make_encoder(const CompressOptions& options) {
  int level = gzip_level(options);
  return uses_isal(options) ? make_isal_encoder(level) : make_zlib_encoder(level);
}

// One chunk on its way. Touched by the caller, or by the thread that compresses it, never by both:
// `done` hands it over.
struct Slot {
  std::vector<char> memory;  // dictionary, then chunk
  std::size_t dictionary_size = 0;
  std::size_t chunk_size = 0;
  std::vector<char> output;
  std::uint32_t crc = 0;
  bool good = false;
  std::unique_ptr<DeflateEncoder> encoder;
  Guarded<bool> done{true};

  std::string_view dictionary() const { return {memory.data(), dictionary_size}; }
  std::string_view chunk() const { return {memory.data() + dictionary_size, chunk_size}; }

  void compress() {
    std::string_view bytes = chunk();
    crc = crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    good = encoder->encode(dictionary(), bytes, output);
  }
  void wait() {
    done.lock().wait([](const bool& is_done) { return is_done; });
  }
};

class GzipSink : public Sink {
 public:
  GzipSink(Sink& next, const CompressOptions& options)
      : next_(&next), options_(options), slots_(std::min(options.threads, kThreadsMax) + 1) {
    next_->write(kHeader);
    prepare(slots_.front(), {});
  }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (current().chunk_size == kDeflateChunkBytes) {
        advance();
      }
      Slot& slot = current();
      std::size_t count = std::min(bytes.size(), kDeflateChunkBytes - slot.chunk_size);
      std::memcpy(slot.memory.data() + slot.dictionary_size + slot.chunk_size, bytes.data(), count);
      slot.chunk_size += count;
      bytes.remove_prefix(count);
    }
  }

  void finish() override {
    // The last chunk is compressed here: whoever wrote less than one chunk needs no thread.
    for (std::size_t place = taken_; place < filling_; ++place) {
      take(slots_[place % slots_.size()]);
    }
    if (current().chunk_size > 0) {
      current().compress();
      take(current());
    }
    std::string end(kFinalBlock);
    append_little_endian(end, crc_);
    append_little_endian(end, static_cast<std::uint32_t>(length_));
    next_->write(end);
    next_->finish();
  }

 private:
  Slot& current() { return slots_[filling_ % slots_.size()]; }

  // The current slot is full: have it compressed and go on with the next.
  void advance() {
    Slot& full = current();
    std::string_view whole = full.chunk();
    if (slots_.size() == 1) {
      std::string dictionary(whole.substr(whole.size() - kDeflateWindowBytes));
      full.compress();
      take(full);
      ++filling_;
      taken_ = filling_;
      prepare(full, dictionary);
      return;
    }
    submit(full);
    ++filling_;
    if (filling_ - taken_ == slots_.size()) {
      take(current());
      ++taken_;
    }
    // `full` is only read by its thread, so its end may be read here, too.
    prepare(current(), whole.substr(whole.size() - kDeflateWindowBytes));
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

  void prepare(Slot& slot, std::string_view dictionary) {
    if (slot.encoder == nullptr) {
      slot.encoder = make_encoder(options_);
      slot.memory.resize(kDeflateWindowBytes + kDeflateChunkBytes);
    }
    std::copy(dictionary.begin(), dictionary.end(), slot.memory.begin());
    slot.dictionary_size = dictionary.size();
    slot.chunk_size = 0;
  }

  // Waits for a chunk and hands its bytes on.
  void take(Slot& slot) {
    slot.wait();
    if (!slot.good) {
      fail(ErrorKind::kInternal, cat("compressing with ", gzip_encoder_id(options_), " failed"));
    }
    crc_ = static_cast<std::uint32_t>(
        crc32_combine(crc_, slot.crc, static_cast<z_off_t>(slot.chunk_size)));
    length_ += slot.chunk_size;
    next_->write({slot.output.data(), slot.output.size()});
  }

  Sink* next_;  // owned by the caller
  CompressOptions options_;
  std::deque<Slot> slots_;
  std::size_t filling_ = 0;  // number of the chunk that is being filled
  std::size_t taken_ = 0;    // number of chunks handed on
  std::uint32_t crc_ = 0;
  std::uint64_t length_ = 0;
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
  return cat(uses_isal(options) ? cat("isal-", isal_release()) : cat("zlib-", zlib_release()),
             "-level", gzip_level(options), "-chunk1m");
}

std::unique_ptr<Sink> make_gzip_sink(Sink& next, const CompressOptions& options) {
  return std::make_unique<GzipSink>(next, options);
}

}  // namespace slipway::base::codec
