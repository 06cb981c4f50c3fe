#include "cache/gc/inventory.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/fs.h"
#include "base/stream.h"
#include "base/text.h"
#include "cache/content/ids.h"
#include "cache/gc/disk_usage.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;
using base::Digest;

namespace {

// What it takes to have a byte again where nobody measured it: an image comes through a network
// (20 MB/s), a cache directory is filled by downloads and compilers (10 MB/s), a byte of a stat
// cache stands for hashing some kilobytes.
constexpr std::int64_t kImageNsPerByte = 50;
constexpr std::int64_t kCacheDirNsPerByte = 100;
constexpr std::int64_t kContextNsPerByte = 1000;

std::int64_t cost_of(std::uint64_t bytes, std::int64_t ns_per_byte) {
  return static_cast<std::int64_t>(bytes) * ns_per_byte;
}

class Reader {
 public:
  Reader(Session& session, const CacheDirs& cache_dirs, std::stop_token stop)
      : session_(&session), source_(&cache_dirs), stop_(std::move(stop)) {}

  Inventory read() {
    {
      auto connection = session_->database().lock();
      Snapshot snapshot(*connection);
      read_pieces(*connection);
      read_layers(*connection);
      read_images(*connection);
      keep_bare_indexes(*connection);
      keep_served(*connection);
      read_records(*connection);
      read_kept(*connection);
    }
    set_garbage_apart();
    read_cache_dirs();
    read_contexts();
    read_garbage();
    return std::move(inventory_);
  }

 private:
  using Numbers = std::unordered_map<Digest, std::size_t>;

  void read_pieces(Connection& connection) {
    Query blobs = connection.query(
        "SELECT digest, size, EXISTS(SELECT 1 FROM leases WHERE kind = 0 AND "
        "leases.digest = blobs.digest) FROM blobs");
    while (blobs.next()) {
      blobs_[blobs.digest(0)] = add_piece(blobs.size(1), blobs.integer(2) != 0);
    }
    Query trees = connection.query(
        "SELECT diff_id, size, EXISTS(SELECT 1 FROM leases WHERE kind = 1 AND "
        "leases.digest = trees.diff_id) FROM trees");
    while (trees.next()) {
      trees_[trees.digest(0)] = add_piece(trees.size(1), trees.integer(2) != 0);
    }
  }

  std::size_t add_piece(std::uint64_t bytes, bool leased) {
    inventory_.pieces.push_back({.bytes = bytes, .users = leased ? 1U : 0U, .leased = leased});
    return inventory_.pieces.size() - 1;
  }

  void read_layers(Connection& connection) {
    Query layers = connection.query(
        "SELECT diff_id, index_blob, EXISTS(SELECT 1 FROM leases WHERE kind = 1 AND "
        "leases.digest = layers.diff_id) FROM layers");
    while (layers.next()) {
      Digest diff_id = layers.digest(0);
      bool leased = layers.integer(2) != 0;
      layers_[diff_id] = inventory_.layers.size();
      InventoryLayer& layer = inventory_.layers.emplace_back(
          InventoryLayer{.users = leased ? 1U : 0U, .leased = leased});
      add_use(layer.pieces, trees_, diff_id);
      add_use(layer.pieces, blobs_, diff_id);
      if (std::optional<Digest> index = layers.find_digest(1)) {
        add_use(layer.pieces, blobs_, *index);
      }
    }
    Query blobs = connection.query(
        "SELECT diff_id, digest FROM layer_blobs WHERE diff_id <> digest UNION "
        "SELECT diff_id, digest FROM layer_patches WHERE diff_id <> digest");
    while (blobs.next()) {
      add_use(inventory_.layers[layers_.at(blobs.digest(0))].pieces, blobs_, blobs.digest(1));
    }
  }

  // Bytes that are not here take no room.
  void add_use(std::vector<std::size_t>& pieces, const Numbers& numbers, const Digest& digest) {
    auto found = numbers.find(digest);
    if (found != numbers.end()) {
      pieces.push_back(found->second);
      ++inventory_.pieces[found->second].users;
    }
  }

  void add_layer(InventoryItem& item, const Digest& diff_id) {
    std::size_t number = layers_.at(diff_id);
    item.layers.push_back(number);
    ++inventory_.layers[number].users;
  }

  bool all_leased(const std::vector<std::size_t>& layers) const {
    return !layers.empty() && std::ranges::all_of(layers, [&](std::size_t number) {
      return inventory_.layers[number].leased;
    });
  }

  void read_images(Connection& connection) {
    Query images = connection.query(
        "SELECT id, last_use_ns, (SELECT min(reference) FROM names WHERE image = images.id OR "
        "index_digest IN (SELECT index_digest FROM index_images WHERE image = images.id)) "
        "FROM images ORDER BY 3 IS NULL, id");
    while (images.next()) {
      ImageId id = images.typed<ImageId>(0);
      InventoryItem item{
          .kind = images.is_null(2) ? ContentKind::kDanglingImage : ContentKind::kImage,
          .id = id.text(),
          .name = images.text(2),
          .last_use_ns = images.integer(1)};
      read_image_members(connection, id, item);
      item.in_use = inventory_.pieces[item.pieces.at(0)].leased || all_leased(item.layers);
      item.rebuild_ns = cost_of(inventory_.bytes_of(item), kImageNsPerByte);
      inventory_.items.push_back(std::move(item));
    }
  }

  // Documents of indexes that have a name but no image here.
  void keep_bare_indexes(Connection& connection) {
    Query documents = connection.query(
        "WITH bare AS (SELECT index_digest FROM names WHERE index_digest IS NOT NULL AND "
        "index_digest NOT IN (SELECT index_digest FROM index_images)) "
        "SELECT index_digest FROM bare UNION SELECT digest FROM index_blobs JOIN bare "
        "USING(index_digest)");
    std::vector<std::size_t> kept;
    while (documents.next()) {
      add_use(kept, blobs_, documents.digest(0));
    }
  }

  // What the embedded registry serves is nobody's cache.
  void keep_served(Connection& connection) {
    Query served = connection.query(
        "SELECT digest FROM served_blobs UNION SELECT digest FROM served_manifests UNION "
        "SELECT digest FROM served_members");
    std::vector<std::size_t> kept;
    while (served.next()) {
      add_use(kept, blobs_, served.digest(0));
    }
  }

  // The config comes first.
  void read_image_members(Connection& connection, const ImageId& id, InventoryItem& item) {
    add_use(item.pieces, blobs_, id.digest());
    Query documents = connection.query(
        "SELECT manifest FROM images WHERE id = ?1 AND manifest IS NOT NULL UNION "
        "SELECT digest FROM image_blobs WHERE image = ?1 UNION "
        "SELECT digest FROM built_manifests WHERE image = ?1 UNION "
        "SELECT digest FROM image_referrers WHERE image = ?1 UNION "
        "SELECT digest FROM image_referrer_blobs WHERE image = ?1 UNION "
        "SELECT index_digest FROM index_images WHERE image = ?1 UNION "
        "SELECT digest FROM index_blobs JOIN index_images USING(index_digest) WHERE image = ?1",
        id);
    while (documents.next()) {
      add_use(item.pieces, blobs_, documents.digest(0));
    }
    Query layers =
        connection.query("SELECT DISTINCT diff_id FROM image_layers WHERE image = ?", id);
    while (layers.next()) {
      add_layer(item, layers.digest(0));
    }
  }

  void read_records(Connection& connection) {
    Query records = connection.query(
        "SELECT key, family, last_use_ns, duration_ns, diff_id, log_blob FROM records ORDER BY "
        "rowid");
    while (records.next()) {
      InventoryItem item{.kind = ContentKind::kRecord,
                         .id = records.digest(0).text(),
                         .name = records.text(1),
                         .last_use_ns = records.integer(2),
                         .rebuild_ns = records.integer(3)};
      if (std::optional<Digest> diff_id = records.find_digest(4)) {
        add_layer(item, *diff_id);
      }
      if (std::optional<Digest> log = records.find_digest(5)) {
        add_use(item.pieces, blobs_, *log);
      }
      item.in_use = all_leased(item.layers);
      inventory_.items.push_back(std::move(item));
    }
  }

  // Trees that no layer is made of. Nobody writes to them, so their size is what it was.
  void read_kept(Connection& connection) {
    Query kept = connection.query(
        "SELECT id, kind, name, created_ns, size, EXISTS(SELECT 1 FROM leases WHERE kind = 2 AND "
        "leases.digest = kept.id) FROM kept ORDER BY created_ns, id");
    while (kept.next()) {
      bool is_container = kept.integer(1) == 0;
      Digest id = kept.digest(0);
      InventoryItem item{.kind = is_container ? ContentKind::kContainer : ContentKind::kFailedStep,
                         .id = id.text(),
                         .name = kept.text(2),
                         .last_use_ns = kept.integer(3),
                         .in_use = kept.integer(5) != 0};
      item.own_bytes = kept.size(4);
      item.rebuild_ns = cost_of(item.own_bytes, kCacheDirNsPerByte);
      kept_.emplace(id.hex());
      Query layers = connection.query("SELECT diff_id FROM kept_layers WHERE kept = ?", id);
      while (layers.next()) {
        add_layer(item, layers.digest(0));
      }
      inventory_.items.push_back(std::move(item));
    }
  }

  // Rows that the next collection deletes.
  void set_garbage_apart() {
    for (InventoryLayer& layer : inventory_.layers) {
      if (layer.users == 0) {
        for (std::size_t piece : layer.pieces) {
          --inventory_.pieces[piece].users;
        }
        layer.pieces.clear();
      }
    }
    for (InventoryPiece& piece : inventory_.pieces) {
      if (piece.users == 0) {
        add_garbage(std::exchange(piece.bytes, 0));
      }
    }
  }

  void read_cache_dirs() {
    inventory_.cache_dirs = source_->list();
    std::size_t number = 0;
    for (const CacheDirs::Listed& listed : inventory_.cache_dirs) {
      InventoryItem item{.kind = ContentKind::kCacheDir,
                         .id = listed.folder,
                         .name = listed.key.id,
                         .last_use_ns = to_ns(listed.last_use),
                         .in_use = source_->is_in_use(listed),
                         .cache_dir = number++};
      item.own_bytes = disk_usage(session_->layout().cache_dirs, listed.folder, stop_);
      item.rebuild_ns = cost_of(item.own_bytes, kCacheDirNsPerByte);
      inventory_.items.push_back(std::move(item));
    }
  }

  void read_contexts() {
    const base::Fd& directory = session_->layout().stat_caches;
    for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
      std::optional<struct stat> status = base::find_status(directory, entry.name);
      if (!status) {
        continue;
      }
      auto nanoseconds = static_cast<std::int32_t>(status->st_mtim.tv_nsec);
      InventoryItem item{.kind = ContentKind::kContext,
                         .id = entry.name,
                         .last_use_ns = to_ns({status->st_mtim.tv_sec, nanoseconds})};
      item.own_bytes = disk_usage(directory, entry.name, stop_);
      item.rebuild_ns = cost_of(item.own_bytes, kContextNsPerByte);
      inventory_.items.push_back(std::move(item));
    }
  }

  void read_garbage() {
    const Layout& layout = session_->layout();
    for (const base::DirectoryEntry& entry : base::list_directory(layout.trash)) {
      add_garbage(disk_usage(layout.trash, entry.name, stop_));
    }
    read_orphans(BytesKind::kBlob, blobs_);
    read_orphans(BytesKind::kTree, trees_);
    for (const base::DirectoryEntry& entry : base::list_directory(layout.kept)) {
      if (!kept_.contains(entry.name)) {
        add_garbage(disk_usage(layout.kept, entry.name, stop_));
      }
    }
    for (const base::DirectoryEntry& entry : base::list_directory(layout.tmp)) {
      inventory_.unfinished_bytes += disk_usage(layout.tmp, entry.name, stop_);
    }
    for (const char* name : {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm"}) {
      inventory_.database_bytes += disk_usage(layout.root, name, stop_);
    }
  }

  // Files without a row: left by a crash, or placed by a running process and not committed yet.
  void read_orphans(BytesKind kind, const Numbers& numbers) {
    const base::Fd& directory = directory_of(session_->layout(), kind);
    std::set<std::string> rows;
    for (const auto& [digest, number] : numbers) {
      rows.emplace(digest.hex());
    }
    std::set<std::string> leased = read_leased(kind);
    for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
      if (rows.contains(entry.name)) {
        continue;
      }
      std::uint64_t bytes = disk_usage(directory, entry.name, stop_);
      if (leased.contains(entry.name)) {
        inventory_.unfinished_bytes += bytes;
      } else {
        add_garbage(bytes);
      }
    }
  }

  std::set<std::string> read_leased(BytesKind kind) {
    auto connection = session_->database().lock();
    Query query = connection->query("SELECT DISTINCT digest FROM leases WHERE kind = ?",
                                    static_cast<int>(lease_kind_of(kind)));
    std::set<std::string> names;
    while (query.next()) {
      names.emplace(query.digest(0).hex());
    }
    return names;
  }

  void add_garbage(std::uint64_t bytes) {
    inventory_.garbage_bytes += bytes;
    ++inventory_.garbage_count;
  }

  Session* session_;         // the Store's
  const CacheDirs* source_;  // the Store's
  std::stop_token stop_;
  Numbers blobs_;
  Numbers trees_;
  Numbers layers_;
  std::set<std::string> kept_;  // names of their folders
  Inventory inventory_;
};

}  // namespace

std::uint64_t Inventory::bytes_of(const InventoryItem& item) const {
  std::uint64_t bytes = item.own_bytes;
  for (std::size_t piece : item.pieces) {
    bytes += pieces[piece].bytes;
  }
  for (std::size_t layer : item.layers) {
    for (std::size_t piece : layers[layer].pieces) {
      bytes += pieces[piece].bytes;
    }
  }
  return bytes;
}

std::uint64_t Inventory::total_bytes() const {
  std::uint64_t bytes = garbage_bytes + unfinished_bytes + database_bytes;
  for (const InventoryPiece& piece : pieces) {
    bytes += piece.bytes;
  }
  for (const InventoryItem& item : items) {
    bytes += item.own_bytes;
  }
  return bytes;
}

InventoryRest::InventoryRest(const Inventory& inventory) : inventory_(&inventory) {
  auto users = [](const auto& used) { return used.users; };
  piece_users_.reserve(inventory.pieces.size());
  std::ranges::transform(inventory.pieces, std::back_inserter(piece_users_), users);
  layer_users_.reserve(inventory.layers.size());
  std::ranges::transform(inventory.layers, std::back_inserter(layer_users_), users);
}

std::uint64_t InventoryRest::remove(const InventoryItem& item) {
  std::uint64_t freed = item.own_bytes;
  auto drop = [&](std::size_t piece) {
    if (--piece_users_[piece] == 0) {
      freed += inventory_->pieces[piece].bytes;
    }
  };
  std::ranges::for_each(item.pieces, drop);
  for (std::size_t layer : item.layers) {
    if (--layer_users_[layer] == 0) {
      std::ranges::for_each(inventory_->layers[layer].pieces, drop);
    }
  }
  return freed;
}

Inventory take_inventory(Session& session, const CacheDirs& cache_dirs, std::stop_token stop) {
  return Reader(session, cache_dirs, std::move(stop)).read();
}

}  // namespace slipway::cache
