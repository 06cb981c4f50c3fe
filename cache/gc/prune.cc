#include "cache/gc/prune.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "base/error.h"
#include "base/stream.h"
#include "base/text.h"
#include "cache/gc/collect.h"
#include "cache/gc/gc.h"
#include "cache/gc/inventory.h"
#include "cache/refs/image_table.h"
#include "cache/session/reserve.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::Digest;

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// So many items are deleted in one write transaction: some 20 ms, in which others wait; keys are
// random, so that each smaller transaction would write all pages of their index, too. On a disk
// that is nearly full, so few, and their bytes are freed before the next.
constexpr std::size_t kBatch = 4000;
constexpr std::size_t kSmallBatch = 10;
// What the log takes for a record at most, a page of 4 KiB of the table and of each index, and as
// much again for others: an image has a row for each of its layers.
constexpr std::uint64_t kItemLogBytes = 12 * 4096;

struct Candidate {
  const InventoryItem* item;  // in the inventory
  double value;               // rebuild seconds per byte, less for each second without use
};

// Whoever is dear to rebuild, small and lately used stays longest.
double value_of(const Inventory& inventory, const InventoryItem& item, std::int64_t now_ns) {
  if (item.kind == ContentKind::kFailedStep) {
    return 0;
  }
  auto bytes = static_cast<double>(std::max<std::uint64_t>(inventory.bytes_of(item), 1));
  auto age_ns = static_cast<double>(std::max(now_ns - item.last_use_ns, kNsPerSecond));
  return static_cast<double>(std::max<std::int64_t>(item.rebuild_ns, 1)) / bytes / age_ns;
}

std::vector<Candidate> candidates(const Inventory& inventory, const PruneOptions& options,
                                  std::int64_t now_ns) {
  std::vector<Candidate> found;
  for (const InventoryItem& item : inventory.items) {
    bool recent = options.unused_for_seconds &&
                  (now_ns - item.last_use_ns) / kNsPerSecond <= *options.unused_for_seconds;
    if (options.kinds.contains(item.kind) && !item.in_use && !recent) {
      found.push_back({&item, value_of(inventory, item, now_ns)});
    }
  }
  std::ranges::stable_sort(found, {}, &Candidate::value);
  return found;
}

// How many bytes have to go; everything where there is no limit.
std::uint64_t wanted_bytes(const Session& session, const Inventory& inventory,
                           const PruneOptions& options) {
  if (!options.keep_bytes && !options.free_bytes_min) {
    return UINT64_MAX;
  }
  auto missing = [](std::uint64_t have, std::uint64_t want) {
    return want > have ? want - have : 0;
  };
  std::uint64_t wanted = 0;
  if (options.keep_bytes) {
    wanted = missing(*options.keep_bytes, inventory.total_bytes());
  }
  if (options.free_bytes_min) {
    wanted = std::max(wanted, missing(free_bytes(session.layout()), *options.free_bytes_min));
  }
  return wanted;
}

// Whether nobody took the image into use or gave it a name meanwhile.
bool is_removable(Connection& connection, const ImageId& id, ContentKind kind) {
  bool leased = connection.query("SELECT 1 FROM leases WHERE kind = 0 AND digest = ?", id).next();
  bool named = connection.query("SELECT 1 FROM names WHERE image = ?", id).next();
  return !leased && (kind == ContentKind::kImage || !named);
}

bool delete_row(Connection& connection, const InventoryItem& item) {
  Digest id = *Digest::parse(item.id);
  switch (item.kind) {
    case ContentKind::kRecord:
      return connection.execute(
                 "DELETE FROM records WHERE key = ? AND NOT EXISTS(SELECT 1 FROM leases WHERE "
                 "kind = 1 AND leases.digest = records.diff_id)",
                 id) > 0;
    case ContentKind::kContainer:
    case ContentKind::kFailedStep:
      return connection.execute(
                 "DELETE FROM kept WHERE id = ? AND NOT EXISTS(SELECT 1 FROM leases WHERE "
                 "kind = 2 AND leases.digest = kept.id)",
                 id) > 0;
    default:
      return is_removable(connection, ImageId(id), item.kind) &&
             ImageTable::remove_row(connection, ImageId(id));
  }
}

bool delete_file(Session& session, CacheDirs& cache_dirs, const Inventory& inventory,
                 const InventoryItem& item) {
  if (item.kind == ContentKind::kCacheDir) {
    return cache_dirs.remove(inventory.cache_dirs[item.cache_dir]);
  }
  return move_to_trash(session.layout(), session.layout().stat_caches, item.id);
}

bool has_row(const InventoryItem& item) {
  return item.kind != ContentKind::kCacheDir && item.kind != ContentKind::kContext;
}

using Items = std::span<const InventoryItem* const>;

// Returns those that are gone now: what was taken into use meanwhile stays.
std::vector<const InventoryItem*> delete_items(Session& session, CacheDirs& cache_dirs,
                                               const Inventory& inventory, Items items) {
  std::vector<const InventoryItem*> deleted;
  {
    auto connection = session.database().lock();
    Transaction transaction(*connection);
    for (const InventoryItem* item : items) {
      if (has_row(*item) && delete_row(*connection, *item)) {
        deleted.push_back(item);
      }
    }
    transaction.commit();
  }
  for (const InventoryItem* item : items) {
    if (!has_row(*item) && delete_file(session, cache_dirs, inventory, *item)) {
      deleted.push_back(item);
    }
  }
  return deleted;
}

std::size_t batch_size(const Layout& layout) {
  return is_disk_low(layout)
             ? kSmallBatch
             : std::clamp<std::size_t>(free_bytes(layout) / kItemLogBytes, kSmallBatch, kBatch);
}

// In the order of their rows, not of their value: all of them are to go, and rows from all over the
// tables cost a page of each table and index for every row, those beside each other a few in all.
// Returns those that are gone, in the order of `chosen`.
std::vector<const InventoryItem*> delete_and_collect(Session& session, CacheDirs& cache_dirs,
                                                     const Inventory& inventory, Items chosen,
                                                     const std::stop_token& stop) {
  std::vector<const InventoryItem*> in_place(chosen.begin(), chosen.end());
  std::ranges::sort(in_place);
  std::vector<const InventoryItem*> deleted;
  for (Items items = in_place; !items.empty();) {
    base::throw_if_stopped(stop);
    std::size_t size = batch_size(session.layout());
    Items batch = items.first(std::min(size, items.size()));
    items = items.subspan(batch.size());
    std::ranges::copy(delete_items(session, cache_dirs, inventory, batch),
                      std::back_inserter(deleted));
    if (size == kSmallBatch) {
      collect(session, stop);
    }
  }
  collect(session, stop);
  ensure_reserve(session.layout());
  std::ranges::sort(deleted);
  std::vector<const InventoryItem*> gone;
  std::ranges::copy_if(chosen, std::back_inserter(gone), [&](const InventoryItem* item) {
    return std::ranges::binary_search(deleted, item);
  });
  return gone;
}

}  // namespace

PruneResult prune(Session& session, CacheDirs& cache_dirs, const PruneOptions& options,
                  std::stop_token stop) {
  if (!options.dry_run && is_disk_low(session.layout())) {
    give_up_reserve(session.layout());
    empty_trash(session, stop);
  }
  session.sweep();
  const Inventory inventory = take_inventory(session, cache_dirs, stop);
  InventoryRest rest(inventory);
  std::uint64_t wanted = wanted_bytes(session, inventory, options);
  std::uint64_t planned = inventory.garbage_bytes;
  std::vector<const InventoryItem*> chosen;
  for (const Candidate& candidate : candidates(inventory, options, session.now_ns())) {
    if (planned >= wanted) {
      break;
    }
    planned += rest.remove(*candidate.item);
    chosen.push_back(candidate.item);
  }
  if (!options.dry_run) {
    chosen = delete_and_collect(session, cache_dirs, inventory, chosen, stop);
  }
  PruneResult result{.freed_bytes = inventory.garbage_bytes};
  InventoryRest before(inventory);
  for (const InventoryItem* item : chosen) {
    std::uint64_t bytes = before.remove(*item);
    result.items.push_back({item->kind, item->id, item->name, bytes});
    result.freed_bytes += bytes;
  }
  return result;
}

}  // namespace slipway::cache
