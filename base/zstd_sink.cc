// zstd through its own threads. With nbWorkers 0 libzstd takes another path with other bytes, so
// there is always at least one; from one on, the number does not show in the output.
#include <algorithm>

#include <zstd.h>

#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base::codec {

namespace {

// Up to this level the window is at most 4 MiB. The size of a job decides about the memory (some
// five jobs for one thread) and, being one of the things that decide about the output, is fixed.
constexpr int kFixedJobLevelMax = 9;
constexpr int kJobBytes = 4 << 20;
constexpr unsigned kThreadsMax = 16;

std::size_t expect_success(std::size_t code, std::string_view call) {
  if (ZSTD_isError(code) != 0) {
    fail(ErrorKind::kInternal, cat(call, ": ", ZSTD_getErrorName(code)));
  }
  return code;
}

class ZstdSink : public Sink {
 public:
  ZstdSink(Sink& next, const CompressOptions& options)
      : next_(&next), context_(ZSTD_createCCtx()), output_(ZSTD_CStreamOutSize()) {
    const int level = zstd_level(options);
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_nbWorkers, static_cast<int>(std::clamp(options.threads, 1U, kThreadsMax)));
    if (level <= kFixedJobLevelMax) {
      set(ZSTD_c_jobSize, kJobBytes);
    }
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

  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  Sink* next_;  // owned by the caller
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<char> output_;
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
  const int level = zstd_level(options);
  return cat("zstd-", ZSTD_versionString(), "-level", level,
             level <= kFixedJobLevelMax ? "-job4m" : "-mt");
}

std::unique_ptr<Sink> make_zstd_sink(Sink& next, const CompressOptions& options) {
  return std::make_unique<ZstdSink>(next, options);
}

}  // namespace slipway::base::codec
