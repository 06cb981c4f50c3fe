#include "cache/refs/image_table.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;
using base::Digest;

namespace {

constexpr std::size_t kHexDigits = 64;
// How many images an ambiguous prefix is told with.
constexpr std::size_t kCandidatesMax = 5;

// The columns in this order; then last_use_ns.
ImageRow image_of(const Query& query) {
  ImageRow row{.id = query.typed<ImageId>(0)};
  row.platform = query.text(1);
  row.created = {query.integer(2), static_cast<std::int32_t>(query.integer(3))};
  row.added = from_ns(query.integer(4));
  row.size = query.size(5);
  if (!query.is_null(6)) {
    row.received = ManifestRef{query.digest(6), query.text(7)};
  }
  return row;
}

void read_members(Connection& connection, ImageRow& row) {
  Query layers = connection.query(
      "SELECT diff_id FROM image_layers WHERE image = ? ORDER BY position", row.id);
  while (layers.next()) {
    row.layers.push_back(layers.typed<DiffId>(0));
  }
  Query blobs =
      connection.query("SELECT digest FROM image_blobs WHERE image = ? ORDER BY digest", row.id);
  while (blobs.next()) {
    row.other_blobs.push_back(blobs.digest(0));
  }
}

// The columns in this order.
NameRow name_of(const Query& query) {
  std::optional<ImageId> image = query.find_typed<ImageId>(1);
  NameTarget target = image ? NameTarget(*image) : NameTarget(query.digest(2));
  return {query.text(0), std::move(target), from_ns(query.integer(3))};
}

std::vector<NameRow> read_names(Query query) {
  std::vector<NameRow> names;
  while (query.next()) {
    names.push_back(name_of(query));
  }
  return names;
}

// A name of an index stands for each image in it. Not by `OR … IN (SELECT …)`: that makes a table
// in memory for each image, which takes longer than all else here.
std::vector<NameRow> names_of_image(Connection& connection, const ImageId& id) {
  return read_names(connection.query(
      "SELECT reference, image, index_digest, updated_ns FROM names WHERE image = ?1 UNION ALL "
      "SELECT reference, names.image, index_digest, updated_ns FROM index_images "
      "JOIN names USING(index_digest) WHERE index_images.image = ?1 ORDER BY reference",
      id));
}

ImageTable::Listed listed_of(Connection& connection, ImageRow image, std::int64_t last_use_ns) {
  read_members(connection, image);
  ImageTable::Listed listed{.image = std::move(image)};
  listed.last_use = from_ns(last_use_ns);
  listed.names = names_of_image(connection, listed.image.id);
  Query digests = connection.query(
      "SELECT repository, digest FROM repository_digests WHERE image = ? "
      "ORDER BY repository, digest",
      listed.image.id);
  while (digests.next()) {
    listed.digests.push_back({listed.image.id, digests.text(0), digests.digest(1)});
  }
  return listed;
}

struct IdRange {
  Digest first;
  Digest last;
};

std::optional<IdRange> range_of_prefix(std::string_view prefix) {
  if (prefix.starts_with("sha256:")) {
    prefix.remove_prefix(7);
  }
  std::string hex = base::to_lower_ascii(prefix);
  bool valid = !hex.empty() && hex.size() <= kHexDigits &&
               hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!valid) {
    return std::nullopt;
  }
  std::size_t missing = kHexDigits - hex.size();
  return IdRange{Digest::from_sha256_hex(hex + std::string(missing, '0')),
                 Digest::from_sha256_hex(hex + std::string(missing, 'f'))};
}

}  // namespace

std::optional<ImageRow> ImageTable::find(const ImageId& id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT id, platform, created_seconds, created_nanoseconds, added_ns, size, manifest, "
      "manifest_type FROM images WHERE id = ?",
      id);
  if (!query.next()) {
    return std::nullopt;
  }
  ImageRow row = image_of(query);
  read_members(*connection, row);
  return row;
}

std::optional<ImageId> ImageTable::find_by_prefix(std::string_view hex_prefix) const {
  std::optional<IdRange> range = range_of_prefix(hex_prefix);
  if (!range) {
    return std::nullopt;
  }
  auto connection = session_->database().lock();
  Query query =
      connection->query("SELECT id FROM images WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
                        range->first, range->last, kCandidatesMax);
  std::vector<ImageId> found;
  while (query.next()) {
    found.push_back(query.typed<ImageId>(0));
  }
  if (found.size() > 1) {
    std::vector<std::string> candidates;
    for (const ImageId& id : found) {
      candidates.emplace_back(id.text());
    }
    base::fail(base::ErrorKind::kInput,
               cat("image ID ", base::quote(hex_prefix), " is ambiguous: ",
                   base::join(candidates, ", "), found.size() == kCandidatesMax ? ", …" : ""),
               "give more digits of the ID");
  }
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::optional<ImageId> ImageTable::find_by_repository_digest(std::string_view repository,
                                                             const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT image FROM repository_digests WHERE repository = ? AND digest = ? "
      "ORDER BY image LIMIT 1",
      repository, digest);
  return query.next() ? std::optional(query.typed<ImageId>(0)) : std::nullopt;
}

std::vector<ImageId> ImageTable::find_by_manifest(const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT id FROM images WHERE manifest = ?1 UNION "
      "SELECT image FROM built_manifests WHERE digest = ?1 ORDER BY 1",
      digest);
  std::vector<ImageId> images;
  while (query.next()) {
    images.push_back(query.typed<ImageId>(0));
  }
  return images;
}

std::optional<NameRow> ImageTable::find_name(std::string_view reference) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT reference, image, index_digest, updated_ns FROM names WHERE reference = ?",
      reference);
  return query.next() ? std::optional(name_of(query)) : std::nullopt;
}

std::optional<IndexRow> ImageTable::find_index(const Digest& digest) const {
  auto connection = session_->database().lock();
  Query found = connection->query("SELECT media_type FROM indexes WHERE digest = ?", digest);
  if (!found.next()) {
    return std::nullopt;
  }
  IndexRow row{.index = {digest, found.text(0)}};
  Query images = connection->query(
      "SELECT image FROM index_images WHERE index_digest = ? ORDER BY position, image", digest);
  while (images.next()) {
    row.images.push_back(images.typed<ImageId>(0));
  }
  Query blobs = connection->query(
      "SELECT digest FROM index_blobs WHERE index_digest = ? ORDER BY digest", digest);
  while (blobs.next()) {
    row.other_blobs.push_back(blobs.digest(0));
  }
  return row;
}

std::optional<ManifestRef> ImageTable::find_built_manifest(const ImageId& id,
                                                           std::string_view compression) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT digest, media_type FROM built_manifests WHERE image = ? AND compression = ?", id,
      compression);
  return query.next() ? std::optional(ManifestRef{query.digest(0), query.text(1)}) : std::nullopt;
}

std::vector<ReferrerRow> ImageTable::referrers(const ImageId& id) const {
  auto connection = session_->database().lock();
  std::vector<ReferrerRow> rows;
  {
    Query query = connection->query(
        "SELECT digest, media_type, subject FROM image_referrers WHERE image = ? ORDER BY digest",
        id);
    while (query.next()) {
      rows.push_back({.image = id,
                      .manifest = {query.digest(0), query.text(1)},
                      .subject = query.digest(2),
                      .blobs = {}});
    }
  }
  for (ReferrerRow& row : rows) {
    Query query = connection->query(
        "SELECT digest FROM image_referrer_blobs WHERE image = ? AND referrer = ? ORDER BY digest",
        id, row.manifest.digest);
    while (query.next()) {
      row.blobs.push_back(query.digest(0));
    }
  }
  return rows;
}

std::vector<ImageTable::Listed> ImageTable::list() const {
  std::vector<Listed> images;
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT id, platform, created_seconds, created_nanoseconds, added_ns, size, manifest, "
      "manifest_type, last_use_ns FROM images "
      "ORDER BY created_seconds DESC, created_nanoseconds DESC, id");
  while (query.next()) {
    images.push_back(listed_of(*connection, image_of(query), query.integer(8)));
  }
  return images;
}

std::optional<ImageTable::Listed> ImageTable::find_listed(const ImageId& id) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT id, platform, created_seconds, created_nanoseconds, added_ns, size, manifest, "
      "manifest_type, last_use_ns FROM images WHERE id = ?",
      id);
  if (!query.next()) {
    return std::nullopt;
  }
  return listed_of(*connection, image_of(query), query.integer(8));
}

std::vector<NameRow> ImageTable::names() const {
  return read_names(session_->database().lock()->query(
      "SELECT reference, image, index_digest, updated_ns FROM names ORDER BY reference"));
}

std::vector<NameRow> ImageTable::names_of(const ImageId& id) const {
  return names_of_image(*session_->database().lock(), id);
}

void ImageTable::touch(const ImageId& id) const {
  session_->uses().lock()->images.insert(id.digest());
}

std::optional<NameRow> ImageTable::remove_name(std::string_view reference) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  std::vector<NameRow> removed = read_names(connection->query(
      "SELECT reference, image, index_digest, updated_ns FROM names WHERE reference = ?",
      reference));
  connection->execute("DELETE FROM names WHERE reference = ?", reference);
  transaction.commit();
  return removed.empty() ? std::nullopt : std::optional(std::move(removed.front()));
}

bool ImageTable::remove_repository_digest(std::string_view repository, const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  std::int64_t removed = connection->execute(
      "DELETE FROM repository_digests WHERE repository = ? AND digest = ?", repository, digest);
  transaction.commit();
  return removed > 0;
}

void ImageTable::remove_repository_digests(const ImageId& id, std::string_view repository) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  connection->execute("DELETE FROM repository_digests WHERE image = ? AND repository = ?", id,
                      repository);
  transaction.commit();
}

void ImageTable::forget_received(const ImageId& id) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  connection->execute("UPDATE images SET manifest = NULL, manifest_type = NULL WHERE id = ?", id);
  transaction.commit();
}

ImageTable::Removed ImageTable::remove(const ImageId& id) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  Removed removed;
  removed.names = names_of_image(*connection, id);
  removed.found = remove_row(*connection, id);
  std::erase_if(removed.names, [&](const NameRow& name) {
    return connection
        ->query("SELECT 1 FROM names WHERE reference = ?", std::string_view(name.reference))
        .next();
  });
  transaction.commit();
  return removed;
}

bool ImageTable::remove_row(Connection& connection, const ImageId& id) {
  // An index goes with its last image; names and memberships go with what they name. Few images are
  // in one, and the statement is dear.
  if (connection.query("SELECT 1 FROM index_images WHERE image = ? LIMIT 1", id).next()) {
    connection.execute(
        "DELETE FROM indexes WHERE digest IN (SELECT index_digest FROM index_images WHERE image = "
        "?1) AND NOT EXISTS(SELECT 1 FROM index_images WHERE index_digest = digest AND image <> "
        "?1)",
        id);
  }
  return connection.execute("DELETE FROM images WHERE id = ?", id) > 0;
}

void ImageTable::insert(Connection& connection, const ImageRow& row, std::int64_t now_ns) {
  std::int64_t added = to_ns(row.added);
  connection.execute(
      "INSERT INTO images(id, platform, created_seconds, created_nanoseconds, added_ns, "
      "last_use_ns, size, manifest, manifest_type) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET last_use_ns = excluded.last_use_ns, size = excluded.size, "
      "manifest = coalesce(excluded.manifest, manifest), "
      "manifest_type = coalesce(excluded.manifest_type, manifest_type)",
      row.id, std::string_view(row.platform), row.created.seconds, row.created.nanoseconds,
      added == 0 ? now_ns : added, now_ns, row.size,
      row.received ? std::optional(row.received->digest) : std::nullopt,
      row.received ? std::optional<std::string_view>(row.received->media_type) : std::nullopt);
  std::int64_t position = 0;
  for (const DiffId& diff_id : row.layers) {
    connection.execute(
        "INSERT OR IGNORE INTO layers(diff_id, tar_size, canonical, created_ns) "
        "VALUES(?, 0, 0, ?)",
        diff_id, now_ns);
    connection.execute(
        "INSERT OR IGNORE INTO image_layers(image, position, diff_id) VALUES(?, ?, ?)", row.id,
        position++, diff_id);
  }
  for (const Digest& digest : row.other_blobs) {
    connection.execute("INSERT OR IGNORE INTO image_blobs(image, digest) VALUES(?, ?)", row.id,
                       digest);
  }
}

void ImageTable::insert(Connection& connection, const BuiltManifestRow& row) {
  connection.execute(
      "INSERT INTO built_manifests(image, compression, digest, media_type) VALUES(?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type",
      row.image, std::string_view(row.compression), row.manifest.digest,
      std::string_view(row.manifest.media_type));
}

void ImageTable::forget_referrers(Connection& connection, const ImageId& id) {
  connection.execute("DELETE FROM image_referrers WHERE image = ?", id);
}

void ImageTable::insert(Connection& connection, const ReferrerRow& row) {
  connection.execute(
      "INSERT OR IGNORE INTO image_referrers(image, digest, media_type, subject) "
      "VALUES(?, ?, ?, ?)",
      row.image, row.manifest.digest, std::string_view(row.manifest.media_type), row.subject);
  for (const Digest& blob : row.blobs) {
    connection.execute(
        "INSERT OR IGNORE INTO image_referrer_blobs(image, referrer, digest) VALUES(?, ?, ?)",
        row.image, row.manifest.digest, blob);
  }
}

void ImageTable::insert(Connection& connection, const IndexRow& row) {
  connection.execute("INSERT OR IGNORE INTO indexes(digest, media_type) VALUES(?, ?)",
                     row.index.digest, std::string_view(row.index.media_type));
  std::int64_t position = 0;
  for (const ImageId& image : row.images) {
    connection.execute(
        "INSERT OR IGNORE INTO index_images(index_digest, position, image) VALUES(?, ?, ?)",
        row.index.digest, position++, image);
  }
  for (const Digest& digest : row.other_blobs) {
    connection.execute("INSERT OR IGNORE INTO index_blobs(index_digest, digest) VALUES(?, ?)",
                       row.index.digest, digest);
  }
}

void ImageTable::insert(Connection& connection, const NameRow& row, std::int64_t now_ns) {
  const auto* image = std::get_if<ImageId>(&row.target);
  const auto* index = std::get_if<Digest>(&row.target);
  std::int64_t updated = to_ns(row.updated);
  connection.execute(
      "INSERT OR REPLACE INTO names(reference, image, index_digest, updated_ns) "
      "VALUES(?, ?, ?, ?)",
      std::string_view(row.reference), image ? std::optional(*image) : std::nullopt,
      index ? std::optional(*index) : std::nullopt, updated == 0 ? now_ns : updated);
}

void ImageTable::insert(Connection& connection, const RepositoryDigestRow& row) {
  connection.execute(
      "INSERT OR IGNORE INTO repository_digests(repository, digest, image) VALUES(?, ?, ?)",
      std::string_view(row.repository), row.digest, row.image);
}

}  // namespace slipway::cache
