// What the store's closets share: the folders, the database, who we are, what we wrote but did not
// name yet, and what we hold. The public header is cache/store.h.
//
// How bytes come in. A file or tree is made in the owner's folder in tmp/. place() then moves it to
// its name and leases it in one write transaction; every removal checks rows and leases in a write
// transaction, too, so the database's write lock keeps the two apart. Bytes with a lease and no row
// are *placed*: this store can read them, a power cut may lose them. Store::commit makes all of
// them durable with one sync and only then writes their rows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/guarded.h"
#include "base/time.h"
#include "cache/db/connection.h"
#include "cache/session/background_sync.h"
#include "cache/session/layout.h"
#include "cache/session/owner.h"
#include "cache/session/placed.h"

namespace slipway::cache {

// Numbers are written to disk. A lease on a layer keeps its row, its tree and its blobs.
enum class LeaseKind { kBlob = 0, kLayer = 1, kKept = 2 };

// The two kinds of bytes that have a name and a row.
enum class BytesKind { kBlob, kTree };

// What was used since the last commit or flush.
struct Uses {
  std::set<base::Digest> records;
  std::set<base::Digest> images;
};

class Session {
 public:
  // `boot` stands for this boot of the machine; nothing: it is not known.
  Session(const std::string& root, std::shared_ptr<const base::Clock> clock,
          std::function<void(const base::Fd&)> sync, std::optional<std::string> boot);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Gives back the leases and the folder in tmp/.
  ~Session();

  const Layout& layout() const { return layout_; }
  base::Guarded<Connection>& database() { return database_; }
  std::int64_t now_ns() const;
  // Makes everything that was written to the store's file system durable.
  void sync() const { sync_(layout_.root); }

  // Rows that are ahead of their bytes (unsynced.h). Without a boot there must be none.
  const std::optional<std::string>& boot() const { return boot_; }
  // Makes their bytes durable, whoever wrote them: now, or soon on a thread of its own, whose
  // failure the next request tells.
  void sync_unsynced();
  // sync() for bytes that rows or notes tell of: if it fails, notes are never forgotten, and the
  // next start takes what they name for lost. Not with the database locked.
  void sync_noted();
  // Throws if a sync in the background failed.
  void check_sync() { background_sync_->check(); }
  void request_sync() { background_sync_->request(); }
  void request_sync_at_once() { background_sync_->request_at_once(); }

  // Made when it is first asked for, that is by the first write; what dead processes left is moved
  // to the trash then.
  Owner& owner();
  // "<owner's folder>/<prefix><random>": nothing is made.
  std::string scratch_name(std::string_view prefix);

  // Moves owner().directory()/name to its place and leases it, unless the bytes are there already;
  // then the file or tree goes away and the ones that are there are leased.
  void place(BytesKind kind, const base::Digest& digest, std::uint64_t size,
             const std::string& name);
  // The size of bytes that are there: with row or placed by us.
  std::optional<std::uint64_t> find_bytes(BytesKind kind, const base::Digest& digest);

  // Another name of a blob that is there, by another algorithm than SHA-256; its row comes with the
  // next commit. Whoever adds one has compared the bytes.
  void add_alias(const base::Digest& alias, const base::Digest& digest);
  std::optional<base::Digest> find_alias(const base::Digest& alias);

  // Checksums of a blob that is there, each as eight bytes; their row comes with the next commit.
  void add_checks(const base::Digest& digest, std::string checks);
  std::optional<std::string> find_checks(const base::Digest& digest);

  // Leases what still has a row (or is leased by us); returns the rest.
  std::vector<base::Digest> hold(LeaseKind kind, std::span<const base::Digest> digests);
  // Inside somebody's write transaction, for rows that it wrote.
  void lease(Connection& connection, LeaseKind kind, const base::Digest& digest);

  base::Guarded<Placed>& placed() { return placed_; }
  base::Guarded<Uses>& uses() { return uses_; }
  // Writes and forgets the noted uses, inside somebody's write transaction.
  void write_uses(Connection& connection);

  // Moves what dead processes left to the trash and forgets what they held.
  void sweep();

 private:
  bool is_adoptable(Connection& connection, BytesKind kind, const base::Digest& digest,
                    std::uint64_t size);
  bool is_ours(Connection& connection, LeaseKind kind, const base::Digest& digest) const;
  void move_in(BytesKind kind, const base::Digest& digest, const std::string& name);

  Layout layout_;
  std::shared_ptr<const base::Clock> clock_;
  std::function<void(const base::Fd&)> sync_;
  std::optional<std::string> boot_;
  base::Guarded<Connection> database_;
  base::Guarded<Placed> placed_;
  base::Guarded<Uses> uses_;
  // What hold() need not write again.
  base::Guarded<std::set<std::pair<LeaseKind, base::Digest>>> held_;
  std::mutex owner_mutex_;
  std::unique_ptr<Owner> owner_;  // reached through owner_mutex_ until it is made
  std::unique_ptr<BackgroundSync> background_sync_;
};

// The directory that holds a kind of bytes.
const base::Fd& directory_of(const Layout& layout, BytesKind kind);

LeaseKind lease_kind_of(BytesKind kind);

// Nanoseconds since 1970, cut at what 64 bits hold.
std::int64_t to_ns(base::Timestamp time);
base::Timestamp from_ns(std::int64_t ns);

}  // namespace slipway::cache
