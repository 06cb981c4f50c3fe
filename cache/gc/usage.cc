#include "cache/gc/usage.h"

#include "cache/gc/gc.h"
#include "cache/gc/inventory.h"
#include "cache/session/session.h"

namespace slipway::cache {

namespace {

constexpr std::size_t kKinds = static_cast<std::size_t>(ContentKind::kGarbage) + 1;

// The bytes of the item that no item before it was charged with.
std::uint64_t charge(Inventory& inventory, const InventoryItem& item) {
  std::uint64_t bytes = item.own_bytes;
  auto take = [&](std::size_t piece) { bytes += std::exchange(inventory.pieces[piece].bytes, 0); };
  for (std::size_t piece : item.pieces) {
    take(piece);
  }
  for (std::size_t layer : item.layers) {
    for (std::size_t piece : inventory.layers[layer].pieces) {
      take(piece);
    }
  }
  return bytes;
}

// What pruning one kind alone would free.
std::uint64_t reclaimable(const Inventory& inventory, ContentKind kind) {
  InventoryRest rest(inventory);
  std::uint64_t freed = 0;
  for (const InventoryItem& item : inventory.items) {
    if (item.kind == kind && !item.in_use) {
      freed += rest.remove(item);
    }
  }
  return freed;
}

}  // namespace

std::string text_of(ContentKind kind) {
  switch (kind) {
    case ContentKind::kImage:
      return "images";
    case ContentKind::kDanglingImage:
      return "dangling images";
    case ContentKind::kRecord:
      return "build cache";
    case ContentKind::kCacheDir:
      return "cache mounts";
    case ContentKind::kContext:
      return "contexts";
    case ContentKind::kContainer:
      return "containers";
    case ContentKind::kFailedStep:
      return "failed steps";
    case ContentKind::kGarbage:
      break;
  }
  return "garbage";
}

std::uint64_t Usage::total_bytes() const {
  std::uint64_t bytes = database_bytes;
  for (const KindUsage& kind : kinds) {
    bytes += kind.bytes;
  }
  return bytes;
}

Usage measure_usage(Session& session, const CacheDirs& cache_dirs, std::stop_token stop) {
  session.sweep();
  Inventory inventory = take_inventory(session, cache_dirs, std::move(stop));
  Usage usage{.database_bytes = inventory.database_bytes};
  for (std::size_t number = 0; number < kKinds; ++number) {
    auto kind = static_cast<ContentKind>(number);
    usage.kinds.push_back({.kind = kind, .reclaimable_bytes = reclaimable(inventory, kind)});
  }
  for (const InventoryItem& item : inventory.items) {
    KindUsage& kind = usage.kinds[static_cast<std::size_t>(item.kind)];
    ++kind.count;
    kind.in_use += item.in_use ? 1 : 0;
    kind.bytes += charge(inventory, item);
  }
  KindUsage& garbage = usage.kinds[static_cast<std::size_t>(ContentKind::kGarbage)];
  garbage.count = inventory.garbage_count;
  garbage.bytes = inventory.garbage_bytes;
  garbage.reclaimable_bytes = inventory.garbage_bytes;
  // What nothing was charged with is only leased: results that a running build has not named yet.
  KindUsage& cache = usage.kinds[static_cast<std::size_t>(ContentKind::kRecord)];
  cache.bytes += inventory.unfinished_bytes;
  for (const InventoryPiece& piece : inventory.pieces) {
    cache.bytes += piece.bytes;
  }
  return usage;
}

}  // namespace slipway::cache
