// What every StepCache promises: the one in memory that other tests use, and the store's.
#include "builder/solve/step_cache.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "builder/solve/store_step_cache.h"
#include "cache/store.h"
#include "tests/fakes/solve_fakes.h"

namespace slipway::builder {
namespace {

struct StepCaches {
  virtual ~StepCaches() = default;
  virtual StepCache& cache() = 0;
  // Makes a layer known, as an op would before the step is kept.
  virtual LayerRef layer(const std::string& content) = 0;
};

struct InMemory : StepCaches {
  tests::MemoryStepCache memory;
  StepCache& cache() override { return memory; }
  LayerRef layer(const std::string& content) override {
    return {cache::DiffId(base::sha256_of(content)), cache::ContentId(base::sha256_of(content))};
  }
};

struct InStore : StepCaches {
  base::TempDir folder{"/tmp", "slipway-test-"};
  cache::Store store{folder.path() + "/store"};
  StoreStepCache steps{store};
  StepCache& cache() override { return steps; }
  LayerRef layer(const std::string& content) override {
    LayerRef ref{cache::DiffId(base::sha256_of(content)),
                 cache::ContentId(base::sha256_of(content))};
    cache::Batch batch;
    batch.layers.push_back({.diff_id = ref.diff_id,
                            .content_id = ref.content_id,
                            .tar_size = content.size(),
                            .index_blob = std::nullopt,
                            .canonical = true,
                            .created = {}});
    store.commit(batch);
    return ref;
  }
};

using MakeCaches = std::unique_ptr<StepCaches> (*)();

class StepCacheContract : public testing::TestWithParam<MakeCaches> {
 protected:
  static cache::StepKey key(const std::string& text) {
    return cache::StepKey(base::sha256_of(text));
  }
  RememberedStep step(const std::string& content) {
    return {caches_->layer(content), {1000, 5}, 42, content.size(), std::nullopt, "op\t\"exec\"\n"};
  }
  std::unique_ptr<StepCaches> caches_ = GetParam()();
};

TEST_P(StepCacheContract, FindsWhatWasKeptAndNothingElse) {
  StepCache& cache = caches_->cache();
  EXPECT_FALSE(cache.find(key("a")).has_value());
  RememberedStep kept = step("layer");
  cache.keep(key("a"), kept, "[1/2] RUN a", {});
  std::optional<RememberedStep> found = cache.find(key("a"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->layer, kept.layer);
  EXPECT_EQ(found->created, kept.created);
  EXPECT_EQ(found->duration_ns, kept.duration_ns);
  EXPECT_EQ(found->layer_size_bytes, kept.layer_size_bytes);
  EXPECT_EQ(found->parts, kept.parts);
  EXPECT_FALSE(cache.find(key("b")).has_value());
}

TEST_P(StepCacheContract, ALaterResultReplacesAnEarlierOne) {
  StepCache& cache = caches_->cache();
  cache.keep(key("a"), step("one"), "a", {});
  RememberedStep two = step("two");
  cache.keep(key("a"), two, "a", {});
  EXPECT_EQ(cache.find(key("a"))->layer, two.layer);
}

TEST_P(StepCacheContract, PartsAreFoundByTheNameOfTheStep) {
  StepCache& cache = caches_->cache();
  EXPECT_FALSE(cache.find_parts_by_name("RUN a").has_value());
  RememberedStep kept = step("one");
  kept.parts = "base\t\"x\"\n";
  cache.keep(key("a"), kept, "RUN a", {});
  EXPECT_EQ(cache.find_parts_by_name("RUN a"), kept.parts);
}

TEST_P(StepCacheContract, AClaimKeepsOthersOutUntilItIsGivenBack) {
  StepCache& cache = caches_->cache();
  base::Guarded<std::string> order;
  std::unique_ptr<StepCache::Claim> first = cache.claim(key("a"), {});
  std::jthread other([&] {
    std::unique_ptr<StepCache::Claim> second = cache.claim(key("a"), {});
    *order.lock() += "second";
  });
  std::unique_ptr<StepCache::Claim> unrelated = cache.claim(key("b"), {});
  *order.lock() += "first ";
  first.reset();
  other.join();
  EXPECT_EQ(*order.lock(), "first second");
}

TEST_P(StepCacheContract, WaitingForAClaimCanBeStopped) {
  StepCache& cache = caches_->cache();
  std::unique_ptr<StepCache::Claim> held = cache.claim(key("a"), {});
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  try {
    cache.claim(key("a"), stop.get_token());
    FAIL() << "claimed twice";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kCancelled);
  }
}

TEST_P(StepCacheContract, TryingToClaimDoesNotWait) {
  StepCache& cache = caches_->cache();
  std::unique_ptr<StepCache::Claim> held = cache.try_claim(key("a"));
  EXPECT_NE(held, nullptr);
  EXPECT_EQ(cache.try_claim(key("a")), nullptr);
  EXPECT_NE(cache.try_claim(key("b")), nullptr);
  held.reset();
  EXPECT_NE(cache.try_claim(key("a")), nullptr);
}

TEST_P(StepCacheContract, AnOutlineIsKnownOnceAStepOfItWasKept) {
  StepCache& cache = caches_->cache();
  cache.keep(key("a"), step("one"), "a", {});
  EXPECT_FALSE(cache.knows_outline(key("outline")));
  cache::Batch rows;
  rows.step_outlines.push_back({key("outline"), key("b")});
  cache.keep(key("b"), step("two"), "b", std::move(rows));
  EXPECT_TRUE(cache.knows_outline(key("outline")));
}

INSTANTIATE_TEST_SUITE_P(
    Caches, StepCacheContract,
    testing::Values([]() -> std::unique_ptr<StepCaches> { return std::make_unique<InMemory>(); },
                    []() -> std::unique_ptr<StepCaches> { return std::make_unique<InStore>(); }),
    [](const auto& cache) { return cache.index == 0 ? "Memory" : "Store"; });

}  // namespace
}  // namespace slipway::builder
