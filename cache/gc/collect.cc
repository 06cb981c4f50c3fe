// Taking away what nothing needs, in an order that no power cut or other process can spoil:
//
//   1. Rows that nothing names and nobody leases are deleted, in one write transaction.
//   2. One sync: from here on no power cut brings them back.
//   3. Files and trees without row and lease are renamed into the trash, each batch inside a write
//      transaction, so that nobody can place or lease the same bytes meanwhile. This takes what
//      step 1 set free and what crashes left.
//   4. The trash is emptied.
#include "cache/gc/collect.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/stream.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;
using base::Digest;
using base::DirectoryEntry;

namespace {

// So many names are looked at in one write transaction: some milliseconds, in which others wait.
constexpr std::size_t kBatch = 1000;

constexpr std::string_view kCacheLockPrefix = "cache-";

void forget_lost_owners(Session& session, Connection& connection) {
  std::vector<std::string> owners;
  {
    Query query = connection.query("SELECT DISTINCT owner FROM leases");
    while (query.next()) {
      owners.push_back(query.text(0));
    }
  }
  for (const std::string& owner : owners) {
    if (!is_alive(session.layout(), owner)) {
      connection.execute("DELETE FROM leases WHERE owner = ?", std::string_view(owner));
    }
  }
}

std::int64_t delete_rows(Connection& connection) {
  std::int64_t deleted = 0;
  deleted += connection.execute(
      "DELETE FROM indexes WHERE digest NOT IN "
      "(SELECT index_digest FROM names WHERE index_digest IS NOT NULL) "
      "AND NOT EXISTS(SELECT 1 FROM leases WHERE kind = 0 AND leases.digest = indexes.digest)");
  deleted += connection.execute(
      "DELETE FROM layers WHERE "
      "NOT EXISTS(SELECT 1 FROM image_layers WHERE image_layers.diff_id = layers.diff_id) AND "
      "NOT EXISTS(SELECT 1 FROM records WHERE records.diff_id = layers.diff_id) AND "
      "NOT EXISTS(SELECT 1 FROM kept_layers WHERE kept_layers.diff_id = layers.diff_id) AND "
      "NOT EXISTS(SELECT 1 FROM leases WHERE kind = 1 AND leases.digest = layers.diff_id)");
  deleted += connection.execute(
      "DELETE FROM trees WHERE "
      "NOT EXISTS(SELECT 1 FROM layers WHERE layers.diff_id = trees.diff_id) AND "
      "NOT EXISTS(SELECT 1 FROM leases WHERE kind = 1 AND leases.digest = trees.diff_id)");
  deleted += connection.execute(
      "DELETE FROM blob_sources WHERE "
      "NOT EXISTS(SELECT 1 FROM layer_blobs WHERE layer_blobs.digest = blob_sources.digest)");
  deleted += connection.execute(
      "DELETE FROM blobs WHERE "
      "NOT EXISTS(SELECT 1 FROM layers WHERE layers.diff_id = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM layers WHERE layers.index_blob = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM layer_blobs WHERE layer_blobs.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM layer_patches WHERE layer_patches.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM records WHERE records.log_blob = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM images WHERE images.id = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM images WHERE images.manifest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM image_blobs WHERE image_blobs.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM built_manifests WHERE built_manifests.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM image_referrers WHERE image_referrers.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM image_referrer_blobs WHERE image_referrer_blobs.digest = "
      "blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM indexes WHERE indexes.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM index_blobs WHERE index_blobs.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM served_blobs WHERE served_blobs.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM served_manifests WHERE served_manifests.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM served_members WHERE served_members.digest = blobs.digest) AND "
      "NOT EXISTS(SELECT 1 FROM leases WHERE kind = 0 AND leases.digest = blobs.digest)");
  return deleted;
}

void delete_unneeded_rows(Session& session) {
  std::int64_t deleted = 0;
  {
    auto connection = session.database().lock();
    Transaction transaction(*connection);
    forget_lost_owners(session, *connection);
    deleted = delete_rows(*connection);
    transaction.commit();
  }
  if (deleted > 0) {
    session.sync();
  }
}

bool is_digest_name(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_needed(Connection& connection, BytesKind kind, const std::string& name) {
  if (!is_digest_name(name)) {
    return false;
  }
  Digest digest = Digest::from_sha256_hex(name);
  Query query = kind == BytesKind::kBlob
                    ? connection.query(
                          "SELECT 1 FROM blobs WHERE digest = ?1 UNION ALL "
                          "SELECT 1 FROM leases WHERE kind = 0 AND digest = ?1",
                          digest)
                    : connection.query(
                          "SELECT 1 FROM trees WHERE diff_id = ?1 UNION ALL "
                          "SELECT 1 FROM leases WHERE kind = 1 AND digest = ?1",
                          digest);
  return query.next();
}

bool is_cache_dir(Connection& connection, const std::string& folder) {
  return connection.query("SELECT 1 FROM cache_dirs WHERE folder = ?", std::string_view(folder))
      .next();
}

bool is_kept(Connection& connection, const std::string& name) {
  return is_digest_name(name) &&
         connection.query("SELECT 1 FROM kept WHERE id = ?", Digest::from_sha256_hex(name)).next();
}

// Moves the entries for which `is_needed_there(connection, name)` is false to the trash.
template <typename IsNeeded>
void trash_orphans(Session& session, const base::Fd& directory, const std::stop_token& stop,
                   IsNeeded is_needed_there) {
  std::vector<DirectoryEntry> entries = base::list_directory(directory);
  for (std::size_t place = 0; place < entries.size(); place += kBatch) {
    base::throw_if_stopped(stop);
    auto batch = std::span(entries).subspan(place, std::min(kBatch, entries.size() - place));
    auto connection = session.database().lock();
    Transaction exclusion(*connection);
    for (const DirectoryEntry& entry : batch) {
      if (!is_needed_there(*connection, entry.name)) {
        move_to_trash(session.layout(), directory, entry.name);
      }
    }
    exclusion.commit();
  }
}

// Lock files of cache directories that are gone. A lock that can be had is nobody's; a row that
// is not there then will not come, for new directories get new names.
void remove_cache_locks(Session& session) {
  for (const DirectoryEntry& entry : base::list_directory(session.layout().locks)) {
    if (!entry.name.starts_with(kCacheLockPrefix)) {
      continue;
    }
    std::string folder = entry.name.substr(kCacheLockPrefix.size());
    if (is_cache_dir(*session.database().lock(), folder)) {
      continue;
    }
    std::string path = session.layout().path_of(cat("locks/", entry.name));
    auto lock = base::FileLock::try_acquire(path, base::FileLock::Mode::kExclusive);
    if (lock && !is_cache_dir(*session.database().lock(), folder)) {
      ::unlink(path.c_str());
    }
  }
}

}  // namespace

void collect(Session& session, std::stop_token stop) {
  session.sweep();
  delete_unneeded_rows(session);
  for (BytesKind kind : {BytesKind::kBlob, BytesKind::kTree}) {
    trash_orphans(session, directory_of(session.layout(), kind), stop,
                  [&](Connection& connection, const std::string& name) {
                    return is_needed(connection, kind, name);
                  });
  }
  trash_orphans(session, session.layout().cache_dirs, stop, is_cache_dir);
  trash_orphans(session, session.layout().kept, stop, is_kept);
  remove_cache_locks(session);
  empty_trash(session, stop);
}

void empty_trash(Session& session, std::stop_token stop) {
  session.sweep();
  auto lock = base::FileLock::try_acquire(session.layout().path_of("locks/trash"),
                                          base::FileLock::Mode::kExclusive);
  if (!lock) {
    return;
  }
  for (const DirectoryEntry& entry : base::list_directory(session.layout().trash)) {
    base::throw_if_stopped(stop);
    base::noting(
        [&] { return cat("emptying ", session.layout().path_of(cat("trash/", entry.name))); },
        [&] { base::remove_tree(session.layout().trash, entry.name); });
  }
}

}  // namespace slipway::cache
