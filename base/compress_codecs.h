#pragma once

// The inside of compress.h: one decoder or encoder per library, behind the same two interfaces.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_compressor.h"
#include "base/compress.h"

namespace slipway::base::codec {

// Where a decoder reads and writes; it moves both forward.
struct Window {
  std::string_view in;
  std::span<char> out;
};

// Decodes one member (frame, stream) after another. Damaged data throws kInput without a name; the
// source around it adds that.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Moves on until the input is used up, the output is full or the member ended; true if it ended.
  virtual bool run(Window& window) = 0;
  // Ready for the next member.
  virtual void reset() = 0;
};

std::unique_ptr<Decoder> make_gzip_decoder();
std::unique_ptr<Decoder> make_zstd_decoder();
std::unique_ptr<Decoder> make_bzip2_decoder();
std::unique_ptr<Decoder> make_xz_decoder();

// What a zstd or xz stream may ask for to be decoded: 128 MiB is what the zstd format guarantees
// every decoder to take, and xz -9 needs 65 MiB.
inline constexpr std::size_t kDecoderBytesMax = 128 << 20;

// Compresses one block so that blocks can be put one after another: raw deflate that ends with a
// sync flush, or a zstd frame.
class BlockEncoder {
 public:
  virtual ~BlockEncoder() = default;
  // The compressed bytes, in `memory` (which is used again and grows where it must). Nothing if the
  // library failed, which it does not for valid parameters.
  virtual std::optional<std::string_view> encode(std::string_view block,
                                                 std::vector<char>& memory) = 0;
};

// Does the level run on ISA-L on this machine, with bytes that are the same on every such machine?
bool isal_encodes(int level);
std::unique_ptr<BlockEncoder> make_isal_encoder(int level);
std::unique_ptr<BlockEncoder> make_zlib_encoder(int level);
std::unique_ptr<BlockEncoder> make_zstd_encoder(int level);
std::string isal_release();
std::string zlib_release();

// Precondition: has_blocks().
std::unique_ptr<BlockCompressor> make_block_sink(Sink& next, const CompressOptions& options);
// For the levels that have no blocks.
std::unique_ptr<Sink> make_zstd_sink(Sink& next, const CompressOptions& options);
bool zstd_has_blocks(const CompressOptions& options);
std::string gzip_encoder_id(const CompressOptions& options);
std::string zstd_encoder_id(const CompressOptions& options);

int gzip_level(const CompressOptions& options);
int zstd_level(const CompressOptions& options);

}  // namespace slipway::base::codec
