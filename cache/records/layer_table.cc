#include "cache/records/layer_table.h"

#include "base/error.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::Digest;

namespace {

// The columns in this order.
LayerRow layer_of(const Query& query) {
  LayerRow row{.diff_id = query.typed<DiffId>(0)};
  row.content_id = query.find_typed<ContentId>(1);
  row.tar_size = query.size(2);
  row.index_blob = query.find_digest(3);
  row.canonical = query.integer(4) != 0;
  row.created = from_ns(query.integer(5));
  return row;
}

Compression compression_of(std::int64_t number) {
  switch (number) {
    case static_cast<int>(Compression::kNone):
      return Compression::kNone;
    case static_cast<int>(Compression::kGzip):
      return Compression::kGzip;
    case static_cast<int>(Compression::kZstd):
      return Compression::kZstd;
    default:
      base::fail(base::ErrorKind::kIntegrity,
                 base::cat("the store's database is damaged: compression ", number));
  }
}

LayerBlobRow layer_blob_of(const Query& query) {
  return {.diff_id = query.typed<DiffId>(0),
          .encoder = query.text(1),
          .compression = compression_of(query.integer(2)),
          .blob = {query.digest(3), query.size(4)},
          .media_type = query.text(5)};
}

}  // namespace

std::optional<LayerRow> LayerTable::find(const DiffId& diff_id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT diff_id, content_id, tar_size, index_blob, canonical, created_ns FROM layers "
      "WHERE diff_id = ?",
      diff_id);
  return query.next() ? std::optional(layer_of(query)) : std::nullopt;
}

std::optional<LayerRow> LayerTable::find_by_content(const ContentId& content_id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT diff_id, content_id, tar_size, index_blob, canonical, created_ns FROM layers "
      "WHERE content_id = ? ORDER BY created_ns, diff_id LIMIT 1",
      content_id);
  return query.next() ? std::optional(layer_of(query)) : std::nullopt;
}

std::vector<LayerBlobRow> LayerTable::blobs(const DiffId& diff_id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT diff_id, encoder, compression, digest, size, media_type FROM layer_blobs "
      "WHERE diff_id = ? ORDER BY encoder, digest",
      diff_id);
  std::vector<LayerBlobRow> rows;
  while (query.next()) {
    rows.push_back(layer_blob_of(query));
  }
  return rows;
}

std::optional<LayerBlobRow> LayerTable::find_blob(const DiffId& diff_id,
                                                  std::string_view encoder) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT diff_id, encoder, compression, digest, size, media_type FROM layer_blobs "
      "WHERE diff_id = ? AND encoder = ? ORDER BY digest LIMIT 1",
      diff_id, encoder);
  return query.next() ? std::optional(layer_blob_of(query)) : std::nullopt;
}

std::vector<Digest> LayerTable::patch_blobs(const DiffId& diff_id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT digest FROM layer_patches WHERE diff_id = ? ORDER BY position", diff_id);
  std::vector<Digest> blobs;
  while (query.next()) {
    blobs.push_back(query.digest(0));
  }
  return blobs;
}

std::optional<std::string> LayerTable::find_blocks(const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query("SELECT blocks FROM blob_blocks WHERE digest = ?", digest);
  return query.next() ? std::optional(query.text(0)) : std::nullopt;
}

std::optional<LayerBlobRow> LayerTable::find_sibling_blob(const DiffId& diff_id,
                                                          std::string_view encoder) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT layer_blobs.diff_id, encoder, compression, layer_blobs.digest, size, media_type "
      "FROM records AS mine JOIN records AS other USING(family) "
      "JOIN layer_blobs ON layer_blobs.diff_id = other.diff_id "
      "JOIN blob_blocks ON blob_blocks.digest = layer_blobs.digest "
      "WHERE mine.diff_id = ?1 AND other.diff_id <> ?1 AND encoder = ?2 "
      "ORDER BY other.last_use_ns DESC, other.created_ns DESC, layer_blobs.digest LIMIT 1",
      diff_id, encoder);
  return query.next() ? std::optional(layer_blob_of(query)) : std::nullopt;
}

std::optional<DiffId> LayerTable::find_of_blob(const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT diff_id FROM layer_blobs JOIN layers USING(diff_id) WHERE digest = ? "
      "ORDER BY created_ns, diff_id LIMIT 1",
      digest);
  return query.next() ? std::optional(query.typed<DiffId>(0)) : std::nullopt;
}

std::vector<BlobSourceRow> LayerTable::sources(const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT digest, host, repository FROM blob_sources WHERE digest = ? "
      "ORDER BY learnt_ns DESC, host, repository",
      digest);
  std::vector<BlobSourceRow> rows;
  while (query.next()) {
    rows.push_back({query.digest(0), query.text(1), query.text(2)});
  }
  return rows;
}

std::vector<DiffId> LayerTable::hold(std::span<const DiffId> diff_ids) {
  std::vector<Digest> digests;
  for (const DiffId& diff_id : diff_ids) {
    digests.push_back(diff_id.digest());
  }
  std::vector<DiffId> unknown;
  for (Digest& digest : session_->hold(LeaseKind::kLayer, digests)) {
    unknown.emplace_back(std::move(digest));
  }
  return unknown;
}

void LayerTable::insert(Connection& connection, const LayerRow& row, std::int64_t now_ns) {
  std::int64_t created = to_ns(row.created);
  connection.execute(
      "INSERT INTO layers(diff_id, content_id, tar_size, index_blob, canonical, created_ns) "
      "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(diff_id) DO UPDATE SET "
      "content_id = coalesce(content_id, excluded.content_id), "
      "tar_size = CASE tar_size WHEN 0 THEN excluded.tar_size ELSE tar_size END, "
      "index_blob = coalesce(index_blob, excluded.index_blob), "
      "canonical = max(canonical, excluded.canonical)",
      row.diff_id, row.content_id, row.tar_size, row.index_blob, row.canonical,
      created == 0 ? now_ns : created);
}

void LayerTable::insert(Connection& connection, const LayerBlobRow& row) {
  connection.execute(
      "INSERT INTO layer_blobs(diff_id, encoder, digest, size, compression, media_type) "
      "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET media_type = excluded.media_type",
      row.diff_id, std::string_view(row.encoder), row.blob.digest, row.blob.size,
      static_cast<int>(row.compression), std::string_view(row.media_type));
}

void LayerTable::insert(Connection& connection, const LayerPatchRow& row) {
  connection.execute("DELETE FROM layer_patches WHERE diff_id = ?", row.diff_id);
  std::int64_t position = 0;
  for (const Digest& digest : row.blobs) {
    connection.execute("INSERT INTO layer_patches(diff_id, position, digest) VALUES(?, ?, ?)",
                       row.diff_id, position++, digest);
  }
}

void LayerTable::insert(Connection& connection, const BlobBlocksRow& row) {
  connection.execute("INSERT OR REPLACE INTO blob_blocks(digest, blocks) VALUES(?, ?)", row.digest,
                     Bytes{row.blocks});
}

void LayerTable::insert(Connection& connection, const BlobSourceRow& row, std::int64_t now_ns) {
  connection.execute(
      "INSERT INTO blob_sources(digest, host, repository, learnt_ns) VALUES(?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET learnt_ns = excluded.learnt_ns",
      row.digest, std::string_view(row.host), std::string_view(row.repository), now_ns);
}

}  // namespace slipway::cache
