// Bytes per second of what every layer goes through: hashing and compression.

#include <string>

#include <benchmark/benchmark.h>

#include "base/compress.h"
#include "base/digest.h"
#include "base/stream.h"

namespace {

using slipway::base::Compression;

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::size_t kPieces = 128;

// Half of it repeats, as in programs and text: what compresses neither to nothing nor not at all.
std::string sample() {
  std::string bytes;
  unsigned state = 1;
  while (bytes.size() < kPieceBytes * kPieces) {
    state = state * 1664525u + 1013904223u;
    bytes += (state >> 31) != 0u ? std::string("the same words again ")
                                 : std::string(1, static_cast<char>(state >> 24));
  }
  bytes.resize(kPieceBytes * kPieces);
  return bytes;
}

class NullSink : public slipway::base::Sink {
 public:
  void write(std::string_view bytes) override { count_ += bytes.size(); }
  void finish() override {}
  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
};

void hash_pieces(benchmark::State& state) {
  std::string bytes = sample().substr(0, kPieceBytes);
  slipway::base::Sha256 hash;
  for (auto _ : state) {
    hash.update(bytes);
  }
  benchmark::DoNotOptimize(hash.finish());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPieceBytes));
}
BENCHMARK(hash_pieces);

void compress_pieces(benchmark::State& state, Compression compression) {
  std::string bytes = sample();
  std::size_t compressed = 0;
  for (auto _ : state) {
    NullSink out;
    auto sink = slipway::base::make_compressor(
        out, {.compression = compression, .threads = static_cast<unsigned>(state.range(0))});
    for (std::size_t count = 0; count < kPieces; ++count) {
      sink->write(std::string_view(bytes).substr(count * kPieceBytes, kPieceBytes));
    }
    sink->finish();
    compressed = out.count();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
  state.counters["ratio"] = static_cast<double>(bytes.size()) / static_cast<double>(compressed);
}
BENCHMARK_CAPTURE(compress_pieces, gzip, Compression::kGzip)->Arg(0)->Arg(2)->UseRealTime();
BENCHMARK_CAPTURE(compress_pieces, zstd, Compression::kZstd)->Arg(0)->Arg(2)->UseRealTime();

}  // namespace
