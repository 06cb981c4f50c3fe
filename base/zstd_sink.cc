// zstd: in blocks up to level 9 (block_sink.cc); beyond, where a larger window is what the level is
// for, through its own threads. With nbWorkers 0 libzstd takes another path with other bytes, so
// there is always at least one; from one on, the number does not show in the output.
#include <algorithm>

#include <zstd.h>

#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base::codec {

namespace {

// Up to this level the window is at most 4 MiB, which is what a block can have.
constexpr int kBlocksLevelMax = 9;
constexpr unsigned kThreadsMax = 16;

std::size_t expect_success(std::size_t code, std::string_view call) {
  if (ZSTD_isError(code) != 0) {
    fail(ErrorKind::kInternal, cat(call, ": ", ZSTD_getErrorName(code)));
  }
  return code;
}

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, Free>;

class ZstdSink : public Sink {
 public:
  ZstdSink(Sink& next, const CompressOptions& options)
      : next_(&next), context_(ZSTD_createCCtx()), output_(ZSTD_CStreamOutSize()) {
    set(ZSTD_c_compressionLevel, zstd_level(options));
    set(ZSTD_c_nbWorkers, static_cast<int>(std::clamp(options.threads, 1U, kThreadsMax)));
  }

  void write(std::string_view bytes) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (in.pos < in.size) {
      step(in, ZSTD_e_continue);
    }
  }

  void finish() override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (step(in, ZSTD_e_end) != 0) {
    }
    next_->finish();
  }

 private:
  void set(ZSTD_cParameter parameter, int value) {
    expect_success(ZSTD_CCtx_setParameter(context_.get(), parameter, value),
                   "ZSTD_CCtx_setParameter");
  }

  std::size_t step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{output_.data(), output_.size(), 0};
    std::size_t left = expect_success(ZSTD_compressStream2(context_.get(), &out, &in, directive),
                                      "ZSTD_compressStream2");
    if (out.pos > 0) {
      next_->write({output_.data(), out.pos});
    }
    return left;
  }

  Sink* next_;  // owned by the caller
  Context context_;
  std::vector<char> output_;
};

class ZstdEncoder : public BlockEncoder {
 public:
  explicit ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
    expect_success(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level),
                   "ZSTD_CCtx_setParameter");
  }

  std::optional<std::string_view> encode(std::string_view block,
                                         std::vector<char>& memory) override {
    memory.resize(std::max(memory.size(), ZSTD_compressBound(block.size())));
    std::size_t size =
        ZSTD_compress2(context_.get(), memory.data(), memory.size(), block.data(), block.size());
    return ZSTD_isError(size) != 0 ? std::nullopt
                                   : std::optional(std::string_view(memory.data(), size));
  }

 private:
  Context context_;
};

}  // namespace

int zstd_level(const CompressOptions& options) {
  int level = options.level.value_or(3);
  if (level < 1 || level > 22) {
    fail(ErrorKind::kUsage, cat("zstd has no compression level ", level, ": 1 to 22"));
  }
  return level;
}

std::string zstd_encoder_id(const CompressOptions& options) {
  return cat("zstd-", ZSTD_versionString(), "-level", zstd_level(options),
             zstd_has_blocks(options) ? "-cut4m" : "-mt");
}

bool zstd_has_blocks(const CompressOptions& options) {
  return zstd_level(options) <= kBlocksLevelMax;
}

std::unique_ptr<BlockEncoder> make_zstd_encoder(int level) {
  return std::make_unique<ZstdEncoder>(level);
}

std::unique_ptr<Sink> make_zstd_sink(Sink& next, const CompressOptions& options) {
  return std::make_unique<ZstdSink>(next, options);
}

}  // namespace slipway::base::codec
