// The decoders behind make_decompressor: ISA-L for gzip (2.5 times as fast as zlib), libzstd,
// libbz2 and liblzma. All of them are fed by us, so that no exception has to pass through C code.
#include <bzlib.h>
#include <lzma.h>

#include <algorithm>
#include <limits>

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base::codec {

namespace {

[[noreturn]] void fail_damaged(std::string_view format, std::string_view why) {
  fail(ErrorKind::kInput, cat("damaged ", format, " data: ", why));
}

unsigned char* writable_bytes(std::string_view bytes) {
  // The C interfaces take pointers to mutable input that they do not change.
  return reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
}

unsigned clamp_length(std::size_t size) {
  return static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

std::string_view isal_error(int code) {
  switch (code) {
    case ISAL_INCORRECT_CHECKSUM:
      return "wrong checksum";
    case ISAL_INVALID_WRAPPER:
    case ISAL_UNSUPPORTED_METHOD:
      return "bad member header";
    default:
      return "bad deflate block";
  }
}

class GzipDecoder : public Decoder {
 public:
  GzipDecoder() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  bool run(Window& window) override {
    state_->next_in = writable_bytes(window.in);
    state_->avail_in = clamp_length(window.in.size());
    state_->next_out = reinterpret_cast<unsigned char*>(window.out.data());
    state_->avail_out = clamp_length(window.out.size());
    const unsigned in_before = state_->avail_in;
    const unsigned out_before = state_->avail_out;
    int code = isal_inflate(state_.get());
    if (code < 0) {
      fail_damaged("gzip", isal_error(code));
    }
    window.in.remove_prefix(in_before - state_->avail_in);
    window.out = window.out.subspan(out_before - state_->avail_out);
    return state_->block_state == ISAL_BLOCK_FINISH;
  }

  void reset() override {
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

 private:
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
};

class ZstdDecoder : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    static_assert(kDecoderBytesMax == std::size_t{1} << 27);
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 27);
  }

  bool run(Window& window) override {
    ZSTD_inBuffer in{window.in.data(), window.in.size(), 0};
    ZSTD_outBuffer out{window.out.data(), window.out.size(), 0};
    std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(code) != 0) {
      fail_damaged("zstd", ZSTD_getErrorName(code));
    }
    window.in.remove_prefix(in.pos);
    window.out = window.out.subspan(out.pos);
    return code == 0;
  }

  void reset() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

class Bzip2Decoder : public Decoder {
 public:
  Bzip2Decoder() { start(); }
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }

  bool run(Window& window) override {
    stream_.next_in = const_cast<char*>(window.in.data());
    stream_.avail_in = clamp_length(window.in.size());
    stream_.next_out = window.out.data();
    stream_.avail_out = clamp_length(window.out.size());
    const unsigned in_before = stream_.avail_in;
    const unsigned out_before = stream_.avail_out;
    int code = BZ2_bzDecompress(&stream_);
    if (code != BZ_OK && code != BZ_STREAM_END) {
      fail_damaged("bzip2", code == BZ_DATA_ERROR_MAGIC ? "bad header" : "bad block");
    }
    window.in.remove_prefix(in_before - stream_.avail_in);
    window.out = window.out.subspan(out_before - stream_.avail_out);
    return code == BZ_STREAM_END;
  }

  void reset() override {
    BZ2_bzDecompressEnd(&stream_);
    start();
  }

 private:
  void start() {
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) {
      fail(ErrorKind::kSystem, "BZ2_bzDecompressInit failed");
    }
  }
  bz_stream stream_{};
};

class XzDecoder : public Decoder {
 public:
  XzDecoder() { reset(); }
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;
  ~XzDecoder() override { lzma_end(&stream_); }

  bool run(Window& window) override {
    stream_.next_in = writable_bytes(window.in);
    stream_.avail_in = window.in.size();
    stream_.next_out = reinterpret_cast<unsigned char*>(window.out.data());
    stream_.avail_out = window.out.size();
    lzma_ret code = lzma_code(&stream_, LZMA_RUN);
    if (code == LZMA_MEMLIMIT_ERROR) {
      fail_damaged("xz", cat("it asks for more than ", kDecoderBytesMax, " bytes of memory"));
    }
    // LZMA_BUF_ERROR only says that nothing could be done with what was given.
    if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR) {
      fail_damaged("xz", code == LZMA_FORMAT_ERROR ? "bad header" : "bad block");
    }
    window.in.remove_prefix(window.in.size() - stream_.avail_in);
    window.out = window.out.subspan(window.out.size() - stream_.avail_out);
    return code == LZMA_STREAM_END;
  }

  void reset() override {
    if (lzma_stream_decoder(&stream_, kDecoderBytesMax, 0) != LZMA_OK) {
      fail(ErrorKind::kSystem, "lzma_stream_decoder failed");
    }
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder() {
  return std::make_unique<GzipDecoder>();
}
std::unique_ptr<Decoder> make_zstd_decoder() {
  return std::make_unique<ZstdDecoder>();
}
std::unique_ptr<Decoder> make_bzip2_decoder() {
  return std::make_unique<Bzip2Decoder>();
}
std::unique_ptr<Decoder> make_xz_decoder() {
  return std::make_unique<XzDecoder>();
}

}  // namespace slipway::base::codec
