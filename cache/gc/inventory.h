// Everything in the store and what keeps it there, read into memory at once: the ground for usage
// and for choosing what to prune. Holds no lock; what changes afterwards is noticed when rows are
// deleted.
//
//   items (images, records, …) ──▶ layers ──▶ pieces (blobs, trees: bytes)
//                              └─────────────▶
//
// Taking an item away frees the pieces that no other item and no lease needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "cache/cache_dirs/cache_dirs.h"
#include "cache/gc/usage.h"

namespace slipway::cache {

class Session;

struct InventoryItem {
  ContentKind kind = ContentKind::kGarbage;
  std::string id;
  std::string name;  // for people
  std::int64_t last_use_ns = 0;
  std::int64_t rebuild_ns = 0;  // what it would take to have it again
  bool in_use = false;
  std::uint64_t own_bytes = 0;      // that are no pieces
  std::vector<std::size_t> layers;  // numbers in Inventory::layers
  std::vector<std::size_t> pieces;  // numbers in Inventory::pieces
  std::size_t cache_dir = 0;        // of kCacheDir: the number in Inventory::cache_dirs
};

struct InventoryPiece {
  std::uint64_t bytes = 0;
  unsigned users = 0;  // items and layers; a lease is one
  bool leased = false;
};

struct InventoryLayer {
  std::vector<std::size_t> pieces;
  unsigned users = 0;  // items; a lease is one
  bool leased = false;
};

struct Inventory {
  std::vector<InventoryPiece> pieces;
  std::vector<InventoryLayer> layers;
  // Images, dangling ones, records, kept trees, cache dirs, contexts; those of a kind in the order
  // in which their rows lie in the database.
  std::vector<InventoryItem> items;
  std::vector<CacheDirs::Listed> cache_dirs;
  std::uint64_t garbage_bytes = 0;  // the trash and files without a row
  std::uint64_t garbage_count = 0;
  std::uint64_t unfinished_bytes = 0;  // of running processes, without a row
  std::uint64_t database_bytes = 0;

  // What the item takes if it is counted alone.
  std::uint64_t bytes_of(const InventoryItem& item) const;
  // Everything on disk.
  std::uint64_t total_bytes() const;
};

// What is used while items are taken away in thought. Must not outlive the inventory.
class InventoryRest {
 public:
  explicit InventoryRest(const Inventory& inventory);
  // Takes the item's uses away and returns the bytes that nobody needs any more. Once for each
  // item.
  std::uint64_t remove(const InventoryItem& item);

 private:
  const Inventory* inventory_;         // the caller's
  std::vector<unsigned> piece_users_;  // by number
  std::vector<unsigned> layer_users_;
};

// Walks cache directories, trash and tmp to measure them. Dead processes' things count as garbage:
// sweep before.
Inventory take_inventory(Session& session, const CacheDirs& cache_dirs, std::stop_token stop);

}  // namespace slipway::cache
