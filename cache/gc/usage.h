#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slipway::cache {

// What the store holds, by what keeps it there. A byte that several things keep counts for the
// first of them in this order.
enum class ContentKind {
  kImage,          // images with a name: config, manifests, layers
  kDanglingImage,  // images without a name
  kRecord,         // results of steps that no image needs: the build cache
  kCacheDir,       // RUN cache mounts
  kContext,        // stat caches of build contexts
  kContainer,      // what commands wrote and somebody wanted to keep
  kFailedStep,     // what failed steps left, to look at
  kGarbage,        // nothing needs it: the trash, half-made things of dead processes, orphans
};
// "images", "dangling images", "build cache", "cache mounts", "contexts", "containers",
// "failed steps", "garbage".
std::string text_of(ContentKind kind);

struct KindUsage {
  ContentKind kind = ContentKind::kGarbage;
  std::uint64_t count = 0;
  std::uint64_t in_use = 0;  // of them, held by a running process
  std::uint64_t bytes = 0;
  std::uint64_t reclaimable_bytes = 0;  // what Store::prune of this kind could free now
};

struct Usage {
  std::vector<KindUsage> kinds;  // one per kind, in the enum's order
  std::uint64_t database_bytes = 0;
  std::uint64_t total_bytes() const;
};

}  // namespace slipway::cache
