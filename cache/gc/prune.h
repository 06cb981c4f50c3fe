#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache/gc/usage.h"

namespace slipway::cache {

// What to remove. Garbage always goes; what a running process holds never does. Without any limit
// everything of the wanted kinds goes; with limits only as much as they ask for, the least valuable
// first: failed steps, then few seconds of rebuilding per byte, long not used.
struct PruneOptions {
  // kImage means named images, too.
  std::set<ContentKind> kinds = {ContentKind::kDanglingImage, ContentKind::kRecord,
                                 ContentKind::kFailedStep};
  // Only what was last used longer ago than this.
  std::optional<std::int64_t> unused_for_seconds;
  // Stop as soon as the store takes no more than this.
  std::optional<std::uint64_t> keep_bytes;
  // Stop as soon as the store's file system has this much free.
  std::optional<std::uint64_t> free_bytes_min;
  // Only say what would go.
  bool dry_run = false;
};

struct PrunedItem {
  ContentKind kind = ContentKind::kGarbage;
  std::string id;    // image ID, step key, cache mount id, context file
  std::string name;  // for people: a reference, a step's family; may be empty
  std::uint64_t bytes = 0;
};

struct PruneResult {
  std::vector<PrunedItem> items;  // the least valuable first
  std::uint64_t freed_bytes = 0;
};

}  // namespace slipway::cache
