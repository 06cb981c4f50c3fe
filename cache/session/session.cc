#include "cache/session/session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/session/unsynced.h"

namespace slipway::cache {

using base::cat;
using base::Digest;

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Last uses are for pruning by hours and days; a finer record would only cost writes.
constexpr std::int64_t kUseGranularityNs = 60 * kNsPerSecond;

Connection open_database(const Layout& layout) {
  std::string path = layout.database_path();
  if (!base::find_status(layout.root, "db.sqlite")) {
    base::fail(base::ErrorKind::kIntegrity, cat("the store's database ", path, " is missing"),
               "remove the store's folder, or choose another one with --root");
  }
  return {path, Connection::Open::kExisting};
}

std::optional<std::uint64_t> find_row(Connection& connection, BytesKind kind,
                                      const Digest& digest) {
  Query query = kind == BytesKind::kBlob
                    ? connection.query("SELECT size FROM blobs WHERE digest = ?", digest)
                    : connection.query("SELECT size FROM trees WHERE diff_id = ?", digest);
  return query.next() ? std::optional(query.size(0)) : std::nullopt;
}

bool is_on_disk(const Layout& layout, BytesKind kind, const Digest& digest, std::uint64_t size) {
  std::optional<struct stat> status =
      base::find_status(directory_of(layout, kind), std::string(digest.hex()));
  if (!status) {
    return false;
  }
  return kind == BytesKind::kTree
             ? S_ISDIR(status->st_mode)
             : S_ISREG(status->st_mode) && status->st_size == static_cast<off_t>(size);
}

bool is_leased(Connection& connection, const Layout& layout, LeaseKind kind, const Digest& digest) {
  Query query = connection.query("SELECT owner FROM leases WHERE kind = ? AND digest = ?",
                                 static_cast<int>(kind), digest);
  while (query.next()) {
    if (is_alive(layout, query.text(0))) {
      return true;
    }
  }
  return false;
}

bool is_known(Connection& connection, LeaseKind kind, const Digest& digest) {
  switch (kind) {
    case LeaseKind::kBlob:
      return connection.query("SELECT 1 FROM blobs WHERE digest = ?", digest).next();
    case LeaseKind::kLayer:
      return connection
          .query(
              "SELECT 1 FROM layers WHERE diff_id = ?1 UNION ALL SELECT 1 FROM trees WHERE diff_id "
              "= ?1",
              digest)
          .next();
    case LeaseKind::kKept:
      break;
  }
  return connection.query("SELECT 1 FROM kept WHERE id = ?", digest).next();
}

std::map<Digest, std::uint64_t>& placed_of(Placed& placed, BytesKind kind) {
  return kind == BytesKind::kBlob ? placed.blobs : placed.trees;
}

}  // namespace

Session::Session(const std::string& root, std::shared_ptr<const base::Clock> clock,
                 std::function<void(const base::Fd&)> sync, std::optional<std::string> boot)
    : layout_(open_layout(root)),
      clock_(clock ? std::move(clock) : std::make_shared<base::SystemClock>()),
      sync_(sync ? std::move(sync) : base::sync_filesystem),
      boot_(std::move(boot)),
      database_(open_database(layout_)),
      background_sync_(std::make_unique<BackgroundSync>(
          [this](bool at_once) { at_once ? sync_noted() : sync_unsynced(); })) {
  if (boot_) {
    drop_lost(layout_, *database_.lock(), *boot_);
  }
}

Session::~Session() {
  background_sync_.reset();
  if (owner_) {
    // While the lock still says that we live: nobody takes our leases for a dead one's.
    database_.lock()->execute_quietly("DELETE FROM leases WHERE owner = ?", owner_->name());
  }
}

std::int64_t Session::now_ns() const {
  return to_ns(clock_->now());
}

Owner& Session::owner() {
  {
    std::scoped_lock held(owner_mutex_);
    if (owner_) {
      return *owner_;
    }
    owner_ = std::make_unique<Owner>(layout_);
  }
  sweep();
  return *owner_;
}

void Session::sync_unsynced() {
  std::int64_t newest = newest_unsynced(*database_.lock());
  if (newest == 0) {
    return;
  }
  sync_noted();
  auto connection = database_.lock();
  Transaction transaction(*connection);
  forget_unsynced(*connection, boot_.value_or(""), newest);
  transaction.commit();
}

void Session::sync_noted() {
  base::Cleanup failed([this] {
    database_.lock()->execute_quietly("UPDATE unsynced SET boot = ?", "the sync failed");
  });
  sync();
  failed.cancel();
}

std::string Session::scratch_name(std::string_view prefix) {
  return cat(owner().path(), "/", prefix, base::random_hex(8));
}

bool Session::is_adoptable(Connection& connection, BytesKind kind, const Digest& digest,
                           std::uint64_t size) {
  // Without row and without a living owner it is what a power cut may have left of a file: its
  // name without its bytes.
  return is_on_disk(layout_, kind, digest, size) &&
         (find_row(connection, kind, digest) ||
          is_leased(connection, layout_, lease_kind_of(kind), digest));
}

void Session::move_in(BytesKind kind, const Digest& digest, const std::string& name) {
  const base::Fd& from = owner_->directory();
  const base::Fd& to = directory_of(layout_, kind);
  std::string final_name(digest.hex());
  // A file could be replaced by the rename, a directory with content can't: the same way for both.
  if (!base::rename_without_replacing(from, name, to, final_name)) {
    move_to_trash(layout_, to, final_name);
    if (!base::rename_without_replacing(from, name, to, final_name)) {
      base::fail(base::ErrorKind::kSystem,
                 cat(layout_.path, ": somebody else writes ", final_name, " without a lease"));
    }
  }
}

void Session::place(BytesKind kind, const Digest& digest, std::uint64_t size,
                    const std::string& name) {
  const Owner& us = owner();
  bool adopt = false;
  {
    auto connection = database_.lock();
    Transaction transaction(*connection);
    bool named = find_row(*connection, kind, digest).has_value();
    adopt = is_adoptable(*connection, kind, digest, size);
    if (!adopt) {
      if (named) {
        // The file of a row is gone. Nothing will sync for this row any more, so it is done here.
        sync();
      }
      move_in(kind, digest, name);
    }
    lease(*connection, lease_kind_of(kind), digest);
    transaction.commit();
    if (!named) {
      placed_of(*placed_.lock(), kind)[digest] = size;
    }
  }
  held_.lock()->emplace(lease_kind_of(kind), digest);
  if (adopt) {
    move_to_trash(layout_, us.directory(), name);
  }
}

std::optional<std::uint64_t> Session::find_bytes(BytesKind kind, const Digest& digest) {
  std::optional<std::uint64_t> size;
  {
    auto placed = placed_.lock();
    auto& sizes = placed_of(*placed, kind);
    auto found = sizes.find(digest);
    if (found != sizes.end()) {
      size = found->second;
    }
  }
  if (!size) {
    size = find_row(*database_.lock(), kind, digest);
  }
  return size && is_on_disk(layout_, kind, digest, *size) ? size : std::nullopt;
}

void Session::add_alias(const Digest& alias, const Digest& digest) {
  placed_.lock()->aliases.insert_or_assign(alias, digest);
}

std::optional<Digest> Session::find_alias(const Digest& alias) {
  {
    auto placed = placed_.lock();
    auto found = placed->aliases.find(alias);
    if (found != placed->aliases.end()) {
      return found->second;
    }
  }
  auto connection = database_.lock();
  Query query = connection->query("SELECT digest FROM blob_aliases WHERE alias = ?", alias);
  return query.next() ? std::optional(query.digest(0)) : std::nullopt;
}

void Session::add_checks(const Digest& digest, std::string checks) {
  placed_.lock()->checks.insert_or_assign(digest, std::move(checks));
}

std::optional<std::string> Session::find_checks(const Digest& digest) {
  {
    auto placed = placed_.lock();
    auto found = placed->checks.find(digest);
    if (found != placed->checks.end()) {
      return found->second;
    }
  }
  auto connection = database_.lock();
  Query query = connection->query("SELECT checks FROM blob_checks WHERE digest = ?", digest);
  return query.next() ? std::optional(query.text(0)) : std::nullopt;
}

void Session::lease(Connection& connection, LeaseKind kind, const Digest& digest) {
  assert(owner_ != nullptr);
  connection.execute("INSERT OR IGNORE INTO leases(kind, digest, owner) VALUES(?, ?, ?)",
                     static_cast<int>(kind), digest, std::string_view(owner_->name()));
}

std::vector<Digest> Session::hold(LeaseKind kind, std::span<const Digest> digests) {
  std::vector<Digest> wanted;
  {
    auto held = held_.lock();
    std::ranges::copy_if(digests, std::back_inserter(wanted),
                         [&](const Digest& digest) { return !held->contains({kind, digest}); });
  }
  if (wanted.empty()) {
    return {};
  }
  owner();  // leases need one
  std::vector<Digest> unknown;
  std::vector<Digest> leased;
  {
    auto connection = database_.lock();
    Transaction transaction(*connection);
    for (const Digest& digest : wanted) {
      if (is_known(*connection, kind, digest) || is_ours(*connection, kind, digest)) {
        lease(*connection, kind, digest);
        leased.push_back(digest);
      } else {
        unknown.push_back(digest);
      }
    }
    transaction.commit();
  }
  auto held = held_.lock();
  for (Digest& digest : leased) {
    held->emplace(kind, std::move(digest));
  }
  return unknown;
}

bool Session::is_ours(Connection& connection, LeaseKind kind, const Digest& digest) const {
  return connection
      .query("SELECT 1 FROM leases WHERE kind = ? AND digest = ? AND owner = ?",
             static_cast<int>(kind), digest, std::string_view(owner_->name()))
      .next();
}

void Session::write_uses(Connection& connection) {
  Uses uses = std::exchange(*uses_.lock(), {});
  std::int64_t now = now_ns();
  std::int64_t stale = now - kUseGranularityNs;
  for (const Digest& key : uses.records) {
    connection.execute("UPDATE records SET last_use_ns = ? WHERE key = ? AND last_use_ns <= ?", now,
                       key, stale);
  }
  for (const Digest& id : uses.images) {
    connection.execute("UPDATE images SET last_use_ns = ? WHERE id = ? AND last_use_ns <= ?", now,
                       id, stale);
  }
}

void Session::sweep() {
  std::vector<DeadOwner> dead = claim_dead_owners(layout_);
  if (dead.empty()) {
    return;
  }
  auto connection = database_.lock();
  Transaction transaction(*connection);
  for (const DeadOwner& owner : dead) {
    connection->execute("DELETE FROM leases WHERE owner = ?", std::string_view(owner.name()));
  }
  transaction.commit();
  for (DeadOwner& owner : dead) {
    owner.bury(layout_);
  }
}

const base::Fd& directory_of(const Layout& layout, BytesKind kind) {
  return kind == BytesKind::kBlob ? layout.blobs : layout.trees;
}

LeaseKind lease_kind_of(BytesKind kind) {
  return kind == BytesKind::kBlob ? LeaseKind::kBlob : LeaseKind::kLayer;
}

std::int64_t to_ns(base::Timestamp time) {
  constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / kNsPerSecond - 1;
  if (time.seconds > kSecondsMax) {
    return kSecondsMax * kNsPerSecond;
  }
  if (time.seconds < -kSecondsMax) {
    return -kSecondsMax * kNsPerSecond;
  }
  return time.seconds * kNsPerSecond + time.nanoseconds;
}

base::Timestamp from_ns(std::int64_t ns) {
  std::int64_t seconds = ns / kNsPerSecond;
  std::int64_t rest = ns % kNsPerSecond;
  if (rest < 0) {
    rest += kNsPerSecond;
    --seconds;
  }
  return {seconds, static_cast<std::int32_t>(rest)};
}

}  // namespace slipway::cache
