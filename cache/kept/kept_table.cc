#include "cache/kept/kept_table.h"

#include <sys/stat.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/gc/disk_usage.h"
#include "cache/session/reserve.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;
using base::Digest;

namespace {

constexpr std::size_t kIdBytes = 32;

bool has_tree(const Layout& layout, const KeptId& id) {
  std::optional<struct stat> status = base::find_status(layout.kept, std::string(id.hex()));
  return status && S_ISDIR(status->st_mode);
}

// The columns: id, kind, name, created_ns, size, document.
KeptRow row_of(const Query& query) {
  return {.id = query.typed<KeptId>(0),
          .kind = static_cast<KeptKind>(query.integer(1)),
          .name = query.text(2),
          .created = from_ns(query.integer(3)),
          .size = query.size(4),
          .document = query.text(5),
          .layers = {}};
}

void insert(Connection& connection, const KeptRow& row, std::int64_t now_ns) {
  connection.execute(
      "INSERT INTO kept(id, kind, name, created_ns, size, document) VALUES(?, ?, ?, ?, ?, ?)",
      row.id, static_cast<int>(row.kind), std::string_view(row.name), now_ns, row.size,
      std::string_view(row.document));
  for (const DiffId& layer : row.layers) {
    connection.execute("INSERT OR IGNORE INTO kept_layers(kept, diff_id) VALUES(?, ?)", row.id,
                       layer);
  }
}

bool is_name_taken(Connection& connection, const KeptRow& row) {
  return row.kind == KeptKind::kContainer && !row.name.empty() &&
         connection
             .query("SELECT 1 FROM kept WHERE kind = 0 AND name = ?", std::string_view(row.name))
             .next();
}

bool delete_row(Connection& connection, const KeptId& id) {
  return connection.execute(
             "DELETE FROM kept WHERE id = ? AND NOT EXISTS(SELECT 1 FROM leases WHERE kind = 2 AND "
             "leases.digest = kept.id)",
             id) > 0;
}

}  // namespace

KeptId KeptTable::make_id() {
  return KeptId(Digest::from_sha256_hex(base::random_hex(kIdBytes)));
}

bool KeptTable::keep(StagedTree& staged, KeptRow row, std::stop_token stop) {
  const base::Fd& ours = session_->owner().directory();
  std::string from = cat(staged.name_, "/", StagedTree::kTreeName);
  if (row.kind == KeptKind::kFailedStep && is_disk_low(session_->layout())) {
    return false;
  }
  if (row.kind == KeptKind::kContainer) {
    session_->sync();
    session_->sync_unsynced();  // its layers, too
  }
  row.size = disk_usage(ours, from, std::move(stop));
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  if (is_name_taken(*connection, row)) {
    return false;
  }
  insert(*connection, row, session_->now_ns());
  if (!base::rename_without_replacing(ours, from, session_->layout().kept,
                                      std::string(row.id.hex()))) {
    base::fail(base::ErrorKind::kInternal, cat("there is a tree ", row.id.hex(), " already"));
  }
  transaction.commit();
  return true;
}

std::vector<KeptRow> KeptTable::list(KeptKind kind) const {
  std::vector<KeptRow> rows;
  auto connection = session_->database().lock();
  Snapshot snapshot(*connection);
  {
    Query query = connection->query(
        "SELECT id, kind, name, created_ns, size, document FROM kept WHERE kind = ? "
        "ORDER BY created_ns DESC, id",
        static_cast<int>(kind));
    while (query.next()) {
      rows.push_back(row_of(query));
    }
  }
  std::erase_if(rows, [&](const KeptRow& row) { return !has_tree(session_->layout(), row.id); });
  for (KeptRow& row : rows) {
    Query query =
        connection->query("SELECT diff_id FROM kept_layers WHERE kept = ? ORDER BY 1", row.id);
    while (query.next()) {
      row.layers.push_back(query.typed<DiffId>(0));
    }
  }
  return rows;
}

std::optional<KeptRow> KeptTable::find(KeptKind kind, std::string_view name_or_id) const {
  std::vector<KeptRow> rows = list(kind);
  auto named = std::ranges::find(rows, name_or_id, &KeptRow::name);
  if (named != rows.end() && !name_or_id.empty()) {
    return *named;
  }
  constexpr std::string_view kPrefix = "sha256:";
  if (name_or_id.starts_with(kPrefix)) {
    name_or_id.remove_prefix(kPrefix.size());
  }
  std::optional<KeptRow> found;
  std::vector<std::string> candidates;
  for (KeptRow& row : rows) {
    if (!name_or_id.empty() && row.id.hex().starts_with(name_or_id)) {
      candidates.emplace_back(row.id.hex());
      found = std::move(row);
    }
  }
  if (candidates.size() > 1) {
    base::fail(base::ErrorKind::kInput, cat(base::quote(name_or_id), " is the beginning of ",
                                            base::join(candidates, " and ")));
  }
  return found;
}

std::optional<std::string> KeptTable::hold(const KeptId& id) {
  const Digest digest = id.digest();
  bool is_gone = !session_->hold(LeaseKind::kKept, std::span(&digest, 1)).empty();
  if (is_gone || !has_tree(session_->layout(), id)) {
    return std::nullopt;
  }
  return session_->layout().path_of(cat("kept/", id.hex()));
}

bool KeptTable::remove(const KeptId& id) {
  session_->sweep();  // leases of the dead
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  bool deleted = delete_row(*connection, id);
  if (deleted) {
    move_to_trash(session_->layout(), session_->layout().kept, std::string(id.hex()));
  }
  transaction.commit();
  return deleted;
}

void KeptTable::shrink(KeptKind kind, const Limit& limit) {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const KeptRow& row : list(kind)) {
    ++count;
    bytes += row.size;
    if (count > limit.count || (count > 1 && bytes > limit.bytes)) {
      remove(row.id);
    }
  }
}

}  // namespace slipway::cache
