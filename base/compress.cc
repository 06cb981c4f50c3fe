#include "base/compress.h"

#include <algorithm>
#include <vector>

#include <isa-l.h>

#include "base/block_compressor.h"
#include "base/compress_codecs.h"
#include "base/text.h"

namespace slipway::base {

namespace {

constexpr std::size_t kInputBytes = 64 * 1024;

std::unique_ptr<codec::Decoder> make_decoder(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return codec::make_gzip_decoder();
    case Compression::kBzip2:
      return codec::make_bzip2_decoder();
    case Compression::kXz:
      return codec::make_xz_decoder();
    case Compression::kZstd:
      return codec::make_zstd_decoder();
    case Compression::kNone:
      break;
  }
  fail(ErrorKind::kInternal, "no decoder for plain data");
}

// Feeds a decoder and begins a new member wherever one ended and more data follows.
class DecodingSource : public Source {
 public:
  DecodingSource(std::unique_ptr<Source> next, std::unique_ptr<codec::Decoder> decoder,
                 std::string object)
      : next_(std::move(next)),
        decoder_(std::move(decoder)),
        object_(std::move(object)),
        buffer_(kInputBytes) {}

  std::size_t read(std::span<char> bytes) override {
    return noting([&] { return cat("decompressing ", object_); }, [&] { return decode(bytes); });
  }

 private:
  std::size_t decode(std::span<char> bytes) {
    codec::Window window{.in = input_, .out = bytes};
    while (!ended_ && window.out.size() == bytes.size()) {
      if (between_members_) {
        between_members_ = false;
        ended_ = !starts_member(window);
        continue;
      }
      between_members_ = decoder_->run(window);
      if (between_members_) {
        decoder_->reset();
      } else if (window.in.empty() && window.out.size() == bytes.size() && !refill(window)) {
        fail(ErrorKind::kInput, "compressed data ends too early");
      }
    }
    input_ = window.in;
    return bytes.size() - window.out.size();
  }

  // Skips the zero bytes that some writers pad with. False at the end of the data.
  bool starts_member(codec::Window& window) {
    while (true) {
      std::size_t zeros = std::min(window.in.find_first_not_of('\0'), window.in.size());
      window.in.remove_prefix(zeros);
      if (!window.in.empty()) {
        return true;
      }
      if (!refill(window)) {
        return false;
      }
    }
  }

  bool refill(codec::Window& window) {
    std::size_t count = next_->read(buffer_);
    window.in = {buffer_.data(), count};
    return count > 0;
  }

  std::unique_ptr<Source> next_;
  std::unique_ptr<codec::Decoder> decoder_;
  std::string object_;
  std::vector<char> buffer_;
  std::string_view input_;  // the rest of buffer_
  bool between_members_ = false;
  bool ended_ = false;
};

// Gives back bytes that were read too early, then the rest.
class PrefixedSource : public Source {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<Source> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = prefix_.read(bytes);
    return count > 0 ? count : rest_->read(bytes);
  }

 private:
  StringSource prefix_;
  std::unique_ptr<Source> rest_;
};

class PlainSink : public Sink {
 public:
  explicit PlainSink(Sink& next) : next_(&next) {}
  void write(std::string_view bytes) override { next_->write(bytes); }
  void finish() override { next_->finish(); }

 private:
  Sink* next_;  // owned by the caller
};

}  // namespace

std::string_view compression_name(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
    case Compression::kZstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<Compression> parse_compression(std::string_view name) {
  if (name.empty() || name == "uncompressed") {
    return Compression::kNone;
  }
  for (Compression compression : {Compression::kNone, Compression::kGzip, Compression::kBzip2,
                                  Compression::kXz, Compression::kZstd}) {
    if (name == compression_name(compression)) {
      return compression;
    }
  }
  return std::nullopt;
}

Compression detect_compression(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\x1f\x8b\x08"sv)) {
    return Compression::kGzip;
  }
  if (first_bytes.starts_with("BZh"sv)) {
    return Compression::kBzip2;
  }
  if (first_bytes.starts_with("\xfd"
                              "7zXZ\0"sv)) {
    return Compression::kXz;
  }
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) {
    return Compression::kZstd;
  }
  // RFC 8878, 3.1.2: skippable frames begin with 0x184D2A50 to 0x184D2A5F, low byte first.
  if (first_bytes.size() >= 4 && first_bytes.substr(1, 3) == "\x2a\x4d\x18"sv &&
      (static_cast<unsigned char>(first_bytes[0]) & 0xf0) == 0x50) {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

std::unique_ptr<Source> make_decompressor(std::unique_ptr<Source> compressed,
                                          Compression compression, std::string object) {
  if (compression == Compression::kNone) {
    return compressed;
  }
  return std::make_unique<DecodingSource>(std::move(compressed), make_decoder(compression),
                                          std::move(object));
}

DetectedSource open_decompressed(std::unique_ptr<Source> maybe_compressed, std::string object) {
  std::string first(kMagicBytes, '\0');
  first.resize(read_full(*maybe_compressed, first));
  Compression compression = detect_compression(first);
  auto whole = std::make_unique<PrefixedSource>(std::move(first), std::move(maybe_compressed));
  return {compression, make_decompressor(std::move(whole), compression, std::move(object))};
}

std::string encoder_id(const CompressOptions& options) {
  switch (options.compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return codec::gzip_encoder_id(options);
    case Compression::kZstd:
      return codec::zstd_encoder_id(options);
    case Compression::kBzip2:
    case Compression::kXz:
      break;
  }
  fail(ErrorKind::kUsage, cat("can't compress with ", compression_name(options.compression),
                              ": use gzip, zstd or uncompressed"));
}

std::unique_ptr<Sink> make_compressor(Sink& next, const CompressOptions& options) {
  if (has_blocks(options)) {
    return make_block_compressor(next, options);
  }
  switch (options.compression) {
    case Compression::kNone:
      return std::make_unique<PlainSink>(next);
    case Compression::kZstd:
      return codec::make_zstd_sink(next, options);
    case Compression::kGzip:
    case Compression::kBzip2:
    case Compression::kXz:
      break;
  }
  fail(ErrorKind::kUsage, cat("can't compress with ", compression_name(options.compression),
                              ": use gzip, zstd or uncompressed"));
}

std::uint32_t crc_of(std::string_view plain) {
  return crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
}

}  // namespace slipway::base
