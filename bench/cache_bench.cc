// What a build asks of the store at each step: opening it, finding records, committing results.

#include <memory>
#include <span>
#include <string>

#include <benchmark/benchmark.h>

#include "base/fs.h"
#include "base/text.h"
#include "cache/store.h"

namespace {

using slipway::base::cat;
using slipway::base::sha256_of;
using slipway::cache::Batch;
using slipway::cache::DiffId;
using slipway::cache::StepKey;
using slipway::cache::Store;

// A store with so many records, each with a layer.
class Filled {
 public:
  explicit Filled(std::int64_t records) {
    Store store(root());
    Batch batch;
    for (std::int64_t number = 0; number < records; ++number) {
      DiffId layer(sha256_of(cat("layer ", number)));
      batch.layers.push_back({.diff_id = layer});
      batch.records.push_back({.key = key(number),
                               .diff_id = layer,
                               .family = cat("RUN ", number),
                               .parts = std::string(500, 'x')});
    }
    store.commit(batch);
  }
  std::string root() const { return folder_.path() + "/store"; }
  static StepKey key(std::int64_t number) { return StepKey(sha256_of(cat("step ", number))); }

 private:
  slipway::base::TempDir folder_{"/tmp", "slipway-bench-"};
};

void open_and_find(benchmark::State& state) {
  Filled filled(state.range(0));
  for (auto _ : state) {
    Store store(filled.root());
    benchmark::DoNotOptimize(store.records().find(Filled::key(0)));
  }
}
BENCHMARK(open_and_find)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond)->UseRealTime();

void find_record(benchmark::State& state) {
  Filled filled(state.range(0));
  Store store(filled.root());
  std::int64_t number = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(store.records().find(Filled::key(number++ % state.range(0))));
  }
}
BENCHMARK(find_record)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond)->UseRealTime();

void hold_layer(benchmark::State& state) {
  Filled filled(10'000);
  std::int64_t number = 10'000;
  std::unique_ptr<Store> store;
  for (auto _ : state) {
    if (number == 10'000) {
      state.PauseTiming();
      store = std::make_unique<Store>(filled.root());
      number = 0;
      state.ResumeTiming();
    }
    DiffId layer(sha256_of(cat("layer ", number++)));
    benchmark::DoNotOptimize(store->layers().hold(std::span(&layer, 1)));
  }
}
BENCHMARK(hold_layer)->Unit(benchmark::kMicrosecond)->UseRealTime();

// A small step: a tree, an index blob, the layer and the record, one sync.
void commit_step(benchmark::State& state) {
  Filled filled(1000);
  Store store(filled.root());
  std::int64_t number = 1'000'000;
  for (auto _ : state) {
    ++number;
    DiffId layer(sha256_of(cat("layer ", number)));
    store.trees().commit(store.trees().stage(), layer, 0);
    Batch batch;
    batch.layers.push_back(
        {.diff_id = layer, .index_blob = store.blobs().put(cat("index ", number)).digest});
    batch.records.push_back({.key = Filled::key(number), .diff_id = layer});
    store.commit(batch);
  }
}
BENCHMARK(commit_step)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
