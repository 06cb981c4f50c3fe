#include "cache/store.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "cache/gc/collect.h"
#include "cache/gc/gc.h"
#include "cache/session/session.h"
#include "cache/session/unsynced.h"

namespace slipway::cache {

namespace {

// Files that are complete and synced get the rows that name them.
void name_placed(Connection& connection, const Placed& placed, std::int64_t now_ns) {
  for (const auto& [digest, size] : placed.blobs) {
    connection.execute("INSERT OR IGNORE INTO blobs(digest, size, created_ns) VALUES(?, ?, ?)",
                       digest, size, now_ns);
  }
  for (const auto& [digest, checks] : placed.checks) {
    connection.execute("INSERT OR REPLACE INTO blob_checks(digest, checks) VALUES(?, ?)", digest,
                       Bytes{checks});
  }
  for (const auto& [diff_id, size] : placed.trees) {
    connection.execute("INSERT OR IGNORE INTO trees(diff_id, size, created_ns) VALUES(?, ?, ?)",
                       diff_id, size, now_ns);
  }
  for (const auto& [alias, digest] : placed.aliases) {
    connection.execute("INSERT OR REPLACE INTO blob_aliases(alias, digest) VALUES(?, ?)", alias,
                       digest);
  }
}

// In the order in which rows name each other.
void insert_rows(Session& session, Connection& connection, const Batch& batch,
                 std::int64_t now_ns) {
  for (const LayerRow& row : batch.layers) {
    LayerTable::insert(connection, row, now_ns);
    session.lease(connection, LeaseKind::kLayer, row.diff_id.digest());
  }
  for (const LayerBlobRow& row : batch.layer_blobs) {
    LayerTable::insert(connection, row);
  }
  for (const LayerPatchRow& row : batch.layer_patches) {
    LayerTable::insert(connection, row);
  }
  for (const BlobBlocksRow& row : batch.blob_blocks) {
    LayerTable::insert(connection, row);
  }
  for (const BlobSourceRow& row : batch.blob_sources) {
    LayerTable::insert(connection, row, now_ns);
  }
  for (const StepRecord& record : batch.records) {
    RecordTable::insert(connection, record, now_ns);
  }
  for (const StepOutlineRow& row : batch.step_outlines) {
    RecordTable::insert(connection, row);
  }
  for (const ImageRow& row : batch.images) {
    ImageTable::insert(connection, row, now_ns);
  }
  for (const BuiltManifestRow& row : batch.built_manifests) {
    ImageTable::insert(connection, row);
  }
  for (const ReferrerRow& row : batch.referrers) {
    ImageTable::forget_referrers(connection, row.image);
  }
  for (const ReferrerRow& row : batch.referrers) {
    ImageTable::insert(connection, row);
  }
  for (const IndexRow& row : batch.indexes) {
    ImageTable::insert(connection, row);
  }
  for (const NameRow& row : batch.names) {
    ImageTable::insert(connection, row, now_ns);
  }
  for (const RepositoryDigestRow& row : batch.repository_digests) {
    ImageTable::insert(connection, row);
  }
}

void forget_placed(Placed& placed, const Placed& named) {
  for (const auto& [digest, size] : named.blobs) {
    placed.blobs.erase(digest);
  }
  for (const auto& [diff_id, size] : named.trees) {
    placed.trees.erase(diff_id);
  }
  for (const auto& [alias, digest] : named.aliases) {
    placed.aliases.erase(alias);
  }
  for (const auto& [digest, checks] : named.checks) {
    placed.checks.erase(digest);
  }
}

}  // namespace

Store::Store(std::string root, StoreOptions options)
    : session_(std::make_unique<Session>(root, std::move(options.clock), std::move(options.sync),
                                         options.boot ? std::move(options.boot) : find_boot_id())),
      blobs_(*session_),
      trees_(*session_),
      layers_(*session_),
      records_(*session_),
      images_(*session_),
      cache_dirs_(*session_),
      repositories_(*session_),
      kept_(*session_) {}

Store::Store(Store&&) noexcept = default;
Store::~Store() = default;

const std::string& Store::root() const {
  return session_->layout().path;
}

void Store::commit(const Batch& batch) {
  base::noting([&] { return base::cat("writing to the store ", root()); },
               [&] { insert(batch, /*durable=*/true); });
}

void Store::commit_soon(const Batch& batch) {
  if (!batch.images.empty() || !batch.indexes.empty() || !batch.names.empty() ||
      !batch.built_manifests.empty() || !batch.repository_digests.empty() ||
      !batch.referrers.empty()) {
    base::fail(base::ErrorKind::kInternal, "images are not committed before they are synced");
  }
  bool can_note = session_->boot().has_value();
  base::noting([&] { return base::cat("writing to the store ", root()); },
               [&] {
                 insert(batch, !can_note);
                 if (can_note) {
                   session_->request_sync();
                 }
               });
}

void Store::begin_write_back() {
  base::noting([&] { return base::cat("writing to the store ", root()); },
               [&] { session_->request_sync_at_once(); });
}

void Store::insert(const Batch& batch, bool durable) {
  session_->owner();  // leases need one
  session_->check_sync();
  const Placed placed = *session_->placed().lock();
  // Rows that are written now may name what others left unsynced.
  std::int64_t newest = durable ? newest_unsynced(*session_->database().lock()) : 0;
  if (durable && (newest > 0 || !placed.empty())) {
    session_->sync_noted();
  }
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  std::int64_t now_ns = session_->now_ns();
  name_placed(*connection, placed, now_ns);
  insert_rows(*session_, *connection, batch, now_ns);
  if (newest > 0) {
    forget_unsynced(*connection, session_->boot().value_or(""), newest);
  }
  if (!durable) {
    std::vector<StepKey> keys;
    std::ranges::transform(batch.records, std::back_inserter(keys), &StepRecord::key);
    note_unsynced(*connection, *session_->boot(), placed, keys);
  }
  session_->write_uses(*connection);
  transaction.commit();
  forget_placed(*session_->placed().lock(), placed);
}

void Store::flush() {
  session_->check_sync();
  session_->sync_unsynced();
  {
    auto uses = session_->uses().lock();
    if (uses->records.empty() && uses->images.empty()) {
      return;
    }
  }
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  session_->write_uses(*connection);
  transaction.commit();
}

base::TempDir Store::scratch_directory(std::string_view prefix) {
  return {session_->owner().path(), prefix};
}

void Store::collect(std::stop_token stop) {
  cache::collect(*session_, std::move(stop));
}

void Store::empty_trash(std::stop_token stop) {
  cache::empty_trash(*session_, std::move(stop));
}

Usage Store::usage(std::stop_token stop) {
  return measure_usage(*session_, cache_dirs_, std::move(stop));
}

PruneResult Store::prune(const PruneOptions& options, std::stop_token stop) {
  return cache::prune(*session_, cache_dirs_, options, std::move(stop));
}

}  // namespace slipway::cache
