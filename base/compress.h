#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace slipway::base {

enum class Compression { kNone, kGzip, kBzip2, kXz, kZstd };

// "none", "gzip", "bzip2", "xz", "zstd".
std::string_view compression_name(Compression compression);
// The inverse; also takes "uncompressed" and "" for none. Nothing for other words.
std::optional<Compression> parse_compression(std::string_view name);

// By the magic number. `first_bytes` is the beginning of the data, kMagicBytes of it where there
// are so many; anything unknown (also nothing at all) is kNone. A zstd skippable frame, with which
// some zstd layers begin, counts as zstd.
inline constexpr std::size_t kMagicBytes = 6;
Compression detect_compression(std::string_view first_bytes);

// The plain bytes of `compressed`. gzip may have many members and zstd many frames, skippable ones
// among them; bzip2 and xz may be concatenated; zero bytes may follow the last member. Reads to the
// end of `compressed`, so that whoever verifies it there has verified all of it. Damaged or
// truncated data is kInput and names `object`. Nothing here limits the size of what comes out:
// callers that read data of strangers put a LimitedSource around it. Memory: at most about 9 MiB
// for gzip and bzip2, 130 MiB for what a zstd or xz stream asks for (more is an error).
std::unique_ptr<Source> make_decompressor(std::unique_ptr<Source> compressed,
                                          Compression compression, std::string object);

// The same with the compression found from the first bytes.
struct DetectedSource {
  Compression compression;
  std::unique_ptr<Source> plain;
};
DetectedSource open_decompressed(std::unique_ptr<Source> maybe_compressed, std::string object);

// Which code makes the bytes of a gzip stream. The two give different bytes for the same data.
enum class GzipEncoder {
  kFastest,   // ISA-L where its output is pinned (x86-64 with SSE4.2) and has the level, else zlib
  kPortable,  // zlib
};

struct CompressOptions {
  Compression compression = Compression::kGzip;  // kNone, kGzip or kZstd (others: kUsage)
  // gzip 0 to 9, zstd 1 to 22; the default is the level that is fast: gzip 1, zstd 3.
  std::optional<int> level;
  // Threads that compress beside the caller's; with 0 the caller's does, but zstd above level 9
  // always has one. The output does not depend on it.
  unsigned threads = 0;
  GzipEncoder gzip_encoder = GzipEncoder::kFastest;
};

// Names everything that decides about the output: program, version, level, cuts. Two
// compressors of equal id give equal bytes for equal data on every machine. Compressed digests are
// remembered under it.
//   "isal-2.30.0-level1-start16-cut1m", "zstd-1.5.4-level3-cut4m"
std::string encoder_id(const CompressOptions& options);

// Compresses on the way to `next` (owned by the caller; finish() finishes it too). Equal bytes
// written give equal bytes out, however they are cut into writes. gzip is a single member without
// name or time, zstd up to level 9 a frame for each 2 to 4 MiB. kNone passes through. Memory for
// each thread and as much for the caller: about 2.3 MiB (gzip), 12 MiB (zstd level 3).
std::unique_ptr<Sink> make_compressor(Sink& next, const CompressOptions& options);

}  // namespace slipway::base
