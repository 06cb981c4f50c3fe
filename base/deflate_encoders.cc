// Raw deflate of one chunk at a time, by ISA-L or by zlib. Both get the chunk in one call: where
// the input is cut is part of what decides about the output.
#include <zlib.h>

#include <memory>

#include <isa-l.h>

#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base::codec {

namespace {

// What a chunk may grow by (stored blocks and their headers) before the buffer has to grow.
constexpr std::size_t kOutputBytes = kDeflateChunkBytes + kDeflateChunkBytes / 16;

unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
}

class IsalEncoder : public DeflateEncoder {
 public:
  explicit IsalEncoder(int level)
      : level_(static_cast<unsigned>(level)),
        level_bytes_(level == 1 ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL2_DEFAULT),
        level_buffer_(std::make_unique_for_overwrite<unsigned char[]>(level_bytes_)) {}

  bool encode(std::string_view dictionary, std::string_view chunk,
              std::vector<char>& out) override {
    start(dictionary);
    stream_->next_in = bytes_of(chunk);
    stream_->avail_in = static_cast<unsigned>(chunk.size());
    out.resize(kOutputBytes);
    std::size_t filled = 0;
    do {
      if (filled == out.size()) {
        out.resize(out.size() * 2);
      }
      stream_->next_out = reinterpret_cast<unsigned char*>(out.data() + filled);
      stream_->avail_out = static_cast<unsigned>(out.size() - filled);
      if (isal_deflate(stream_.get()) != COMP_OK) {
        return false;
      }
      filled = out.size() - stream_->avail_out;
    } while (stream_->avail_out == 0);
    out.resize(filled);
    return stream_->avail_in == 0;
  }

 private:
  void start(std::string_view dictionary) {
    isal_deflate_init(stream_.get());
    stream_->level = level_;
    stream_->level_buf = level_buffer_.get();
    stream_->level_buf_size = level_bytes_;
    stream_->flush = SYNC_FLUSH;
    stream_->gzip_flag = IGZIP_DEFLATE;
    stream_->end_of_stream = 0;
    if (!dictionary.empty()) {
      isal_deflate_set_dict(stream_.get(), bytes_of(dictionary),
                            static_cast<unsigned>(dictionary.size()));
    }
  }

  unsigned level_;
  unsigned level_bytes_;
  std::unique_ptr<unsigned char[]> level_buffer_;
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
};

class ZlibEncoder : public DeflateEncoder {
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

  bool encode(std::string_view dictionary, std::string_view chunk,
              std::vector<char>& out) override {
    if (deflateReset(&stream_) != Z_OK) {
      return false;
    }
    if (!dictionary.empty() &&
        deflateSetDictionary(&stream_, bytes_of(dictionary),
                             static_cast<unsigned>(dictionary.size())) != Z_OK) {
      return false;
    }
    stream_.next_in = bytes_of(chunk);
    stream_.avail_in = static_cast<unsigned>(chunk.size());
    out.resize(kOutputBytes);
    std::size_t filled = 0;
    do {
      if (filled == out.size()) {
        out.resize(out.size() * 2);
      }
      stream_.next_out = reinterpret_cast<unsigned char*>(out.data() + filled);
      stream_.avail_out = static_cast<unsigned>(out.size() - filled);
      // Z_BUF_ERROR: the flush was complete when the buffer became full the time before.
      if (int code = deflate(&stream_, Z_SYNC_FLUSH); code != Z_OK && code != Z_BUF_ERROR) {
        return false;
      }
      filled = out.size() - stream_.avail_out;
    } while (stream_.avail_out == 0);
    out.resize(filled);
    return stream_.avail_in == 0;
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

std::unique_ptr<DeflateEncoder> make_isal_encoder(int level) {
  return std::make_unique<IsalEncoder>(level);
}
std::unique_ptr<DeflateEncoder> make_zlib_encoder(int level) {
  return std::make_unique<ZlibEncoder>(level);
}

std::string isal_release() {
  return cat(ISAL_MAJOR_VERSION, ".", ISAL_MINOR_VERSION, ".", ISAL_PATCH_VERSION);
}
std::string zlib_release() {
  return zlibVersion();
}

}  // namespace slipway::base::codec
