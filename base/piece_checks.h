#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Checksums by which bytes are looked at again, once their digest was verified: they find what a
// disk does to bytes at ten times the speed of a digest, and say nothing of who made the bytes.

namespace slipway::base {

// CRC-64 (ECMA-182, reflected). Goes on from the checksum of what came before.
std::uint64_t check_of(std::string_view bytes, std::uint64_t before = 0);

// The checksums of a stream's pieces of 1 MiB; the last one may be smaller. One thread.
class PieceChecks {
 public:
  static constexpr std::size_t kPieceBytes = 1 << 20;

  void update(std::string_view bytes);
  // Exactly once, after the last update.
  std::vector<std::uint64_t> finish();

 private:
  std::vector<std::uint64_t> checks_;
  std::uint64_t check_ = 0;  // of the piece that has begun
  std::size_t size_ = 0;     // of it
};

}  // namespace slipway::base
