// Raw deflate of one block at a time, by ISA-L or by zlib. Both get the block in one call: where
// the input is cut is part of what decides about the output.
#include <zlib.h>

#include <algorithm>
#include <memory>

#include <isa-l.h>

#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base::codec {

namespace {

// Room for what a block may grow by (stored blocks and their headers). It follows from the size of
// the block alone, for what a library is given is part of what decides about the output.
std::size_t room_for(std::string_view block) {
  constexpr std::size_t kHeadersBytes = 4096;
  return block.size() + block.size() / 16 + kHeadersBytes;
}

unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
}

// The first bytes of a block are flushed by themselves. ISA-L 2.30 takes the third byte's hash of
// the address of its own state where the loop for long inputs begins a stream, so that one block in
// some thousands had another match in it: a few other bytes, and another digest. What is no longer
// than this does not go through that loop, and has it begun already for what follows. It costs 10
// bytes a block.
constexpr std::size_t kFirstBytes = 16;

class IsalEncoder : public BlockEncoder {
 public:
  explicit IsalEncoder(int level)
      : level_(static_cast<unsigned>(level)),
        level_bytes_(level == 1 ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL2_DEFAULT),
        level_buffer_(std::make_unique_for_overwrite<unsigned char[]>(level_bytes_)) {}

  std::optional<std::string_view> encode(std::string_view block,
                                         std::vector<char>& memory) override {
    start();
    room_ = room_for(block);
    filled_ = 0;
    std::string_view rest = block.substr(std::min(kFirstBytes, block.size()));
    bool is_encoded =
        run(block.substr(0, kFirstBytes), memory) && (rest.empty() || run(rest, memory));
    return is_encoded ? std::optional(std::string_view(memory.data(), filled_)) : std::nullopt;
  }

 private:
  bool run(std::string_view bytes, std::vector<char>& memory) {
    stream_->next_in = bytes_of(bytes);
    stream_->avail_in = static_cast<unsigned>(bytes.size());
    do {
      room_ = filled_ == room_ ? room_ * 2 : room_;
      memory.resize(std::max(memory.size(), room_));
      stream_->next_out = reinterpret_cast<unsigned char*>(memory.data() + filled_);
      stream_->avail_out = static_cast<unsigned>(room_ - filled_);
      if (isal_deflate(stream_.get()) != COMP_OK) {
        return false;
      }
      filled_ = room_ - stream_->avail_out;
    } while (stream_->avail_out == 0);
    return stream_->avail_in == 0;
  }

  void start() {
    isal_deflate_init(stream_.get());
    stream_->level = level_;
    stream_->level_buf = level_buffer_.get();
    stream_->level_buf_size = level_bytes_;
    stream_->flush = SYNC_FLUSH;
    stream_->gzip_flag = IGZIP_DEFLATE;
    stream_->end_of_stream = 0;
  }

  unsigned level_;
  std::size_t room_ = 0;    // for the block
  std::size_t filled_ = 0;  // of it
  unsigned level_bytes_;
  std::unique_ptr<unsigned char[]> level_buffer_;
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
};

class ZlibEncoder : public BlockEncoder {
 public:
  explicit ZlibEncoder(int level) {
    constexpr int kRawWindow = -15;
    constexpr int kDefaultMemory = 8;
    if (deflateInit2(&stream_, level, Z_DEFLATED, kRawWindow, kDefaultMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      fail(ErrorKind::kSystem, cat("deflateInit2 failed for level ", level));
    }
  }
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;
  ~ZlibEncoder() override { deflateEnd(&stream_); }

  std::optional<std::string_view> encode(std::string_view block,
                                         std::vector<char>& memory) override {
    if (deflateReset(&stream_) != Z_OK) {
      return std::nullopt;
    }
    stream_.next_in = bytes_of(block);
    stream_.avail_in = static_cast<unsigned>(block.size());
    std::size_t room = room_for(block);
    std::size_t filled = 0;
    do {
      room = filled == room ? room * 2 : room;
      memory.resize(std::max(memory.size(), room));
      stream_.next_out = reinterpret_cast<unsigned char*>(memory.data() + filled);
      stream_.avail_out = static_cast<unsigned>(room - filled);
      // Z_BUF_ERROR: the flush was complete when the buffer became full the time before.
      if (int code = deflate(&stream_, Z_SYNC_FLUSH); code != Z_OK && code != Z_BUF_ERROR) {
        return std::nullopt;
      }
      filled = room - stream_.avail_out;
    } while (stream_.avail_out == 0);
    return stream_.avail_in == 0 ? std::optional(std::string_view(memory.data(), filled))
                                 : std::nullopt;
  }

 private:
  z_stream stream_{};
};

}  // namespace

bool isal_encodes(int level) {
#if defined(__x86_64__)
  return (level == 1 || level == 2) && __builtin_cpu_supports("sse4.2");
#else
  return false;
#endif
}

std::unique_ptr<BlockEncoder> make_isal_encoder(int level) {
  return std::make_unique<IsalEncoder>(level);
}
std::unique_ptr<BlockEncoder> make_zlib_encoder(int level) {
  return std::make_unique<ZlibEncoder>(level);
}

std::string isal_release() {
  return cat(ISAL_MAJOR_VERSION, ".", ISAL_MINOR_VERSION, ".", ISAL_PATCH_VERSION);
}
std::string zlib_release() {
  return zlibVersion();
}

}  // namespace slipway::base::codec
