#include "cmd/write_flags.h"

#include <array>

#include "base/error.h"
#include "base/text.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::array<std::string_view, 3> kCompressions = {"gzip", "zstd", "none"};

base::Compression get_compression(const std::string& text) {
  std::optional<base::Compression> compression = base::parse_compression(text);
  bool is_ours = compression == base::Compression::kGzip ||
                 compression == base::Compression::kZstd || compression == base::Compression::kNone;
  if (!is_ours || text.empty()) {
    base::fail(base::ErrorKind::kUsage,
               cat("--compression ", base::quote(text), " is unknown",
                   parser::did_you_mean(text, std::span<const std::string_view>(kCompressions))),
               "it is gzip, zstd or none");
  }
  return *compression;
}

}  // namespace

void WriteFlags::add_to(Flags& flags) {
  flags.text("--compression", compression, "gzip, zstd or none, for layers without a blob yet");
  flags.text("--compression-level", level, "gzip 0 to 9 (default 1), zstd 1 to 22 (default 3)");
  flags.toggle("--force-compression", force, "Compress anew what came compressed otherwise");
}

builder::WriteOptions WriteFlags::options(base::Compression compression_default) const {
  builder::WriteOptions options;
  options.compress.compression =
      compression.empty() ? compression_default : get_compression(compression);
  options.force_compression = force;
  if (!level.empty()) {
    bool is_zstd = options.compress.compression == base::Compression::kZstd;
    std::optional<int> number = base::parse_integer<int>(level);
    if (!number || *number < (is_zstd ? 1 : 0) || *number > (is_zstd ? 22 : 9)) {
      base::fail(base::ErrorKind::kUsage, cat("--compression-level ", base::quote(level)),
                 "gzip has the levels 0 to 9, zstd 1 to 22");
    }
    options.compress.level = number;
  }
  return options;
}

}  // namespace slipway::cmd
