#include "cache/repositories/repository_table.h"

#include "cache/session/session.h"

namespace slipway::cache {

using base::Digest;

namespace {

bool is_blob(Connection& connection, std::string_view repository, const Digest& digest) {
  return connection
      .query("SELECT 1 FROM served_blobs WHERE repository = ? AND digest = ?", repository, digest)
      .next();
}

bool is_manifest(Connection& connection, std::string_view repository, const Digest& digest) {
  return connection
      .query("SELECT 1 FROM served_manifests WHERE repository = ? AND digest = ?", repository,
             digest)
      .next();
}

void insert_blob(Connection& connection, std::string_view repository, const Digest& digest,
                 std::int64_t now_ns) {
  connection.execute(
      "INSERT INTO served_blobs(repository, digest, used_ns) VALUES(?, ?, ?) "
      "ON CONFLICT DO UPDATE SET used_ns = excluded.used_ns",
      repository, digest, now_ns);
}

void insert_members(Connection& connection, std::string_view repository, const Digest& manifest,
                    const std::vector<Digest>& members) {
  for (const Digest& member : members) {
    connection.execute(
        "INSERT OR IGNORE INTO served_members(repository, manifest, digest) VALUES(?, ?, ?)",
        repository, manifest, member);
  }
}

ServedManifest manifest_of(const Query& query) {
  return {.digest = query.digest(0),
          .media_type = query.text(1),
          .size = query.size(2),
          .subject = query.find_digest(3)};
}

std::vector<std::string> texts_of(Query query) {
  std::vector<std::string> texts;
  while (query.next()) {
    texts.push_back(query.text(0));
  }
  return texts;
}

}  // namespace

bool RepositoryTable::use_blob(std::string_view repository, const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  bool found =
      connection->execute("UPDATE served_blobs SET used_ns = ? WHERE repository = ? AND digest = ?",
                          session_->now_ns(), repository, digest) > 0;
  transaction.commit();
  return found;
}

bool RepositoryTable::has_blob(std::string_view repository, const Digest& digest) const {
  auto connection = session_->database().lock();
  return is_blob(*connection, repository, digest);
}

void RepositoryTable::add_blob(std::string_view repository, const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  insert_blob(*connection, repository, digest, session_->now_ns());
  transaction.commit();
}

bool RepositoryTable::mount_blob(std::string_view from, std::string_view repository,
                                 const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  if (!is_blob(*connection, from, digest)) {
    return false;
  }
  insert_blob(*connection, repository, digest, session_->now_ns());
  transaction.commit();
  return true;
}

bool RepositoryTable::remove_blob(std::string_view repository, const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  bool found = connection->execute("DELETE FROM served_blobs WHERE repository = ? AND digest = ?",
                                   repository, digest) > 0;
  transaction.commit();
  return found;
}

std::vector<Digest> RepositoryTable::put_manifest(std::string_view repository,
                                                  const NewManifest& added) {
  const ServedManifest& manifest = added.manifest;
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  std::vector<Digest> missing;
  for (const Digest& blob : added.blobs) {
    if (!is_blob(*connection, repository, blob)) {
      missing.push_back(blob);
    }
  }
  for (const Digest& member : added.manifests) {
    if (!is_manifest(*connection, repository, member)) {
      missing.push_back(member);
    }
  }
  if (!missing.empty()) {
    return missing;
  }
  connection->execute(
      "INSERT INTO served_manifests(repository, digest, media_type, size, subject, added_ns) "
      "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET media_type = excluded.media_type",
      repository, manifest.digest, std::string_view(manifest.media_type), manifest.size,
      manifest.subject, session_->now_ns());
  insert_members(*connection, repository, manifest.digest, added.blobs);
  insert_members(*connection, repository, manifest.digest, added.manifests);
  for (const std::string& tag : added.tags) {
    connection->execute(
        "INSERT INTO served_tags(repository, tag, digest) VALUES(?, ?, ?) "
        "ON CONFLICT DO UPDATE SET digest = excluded.digest",
        repository, std::string_view(tag), manifest.digest);
  }
  transaction.commit();
  return {};
}

std::optional<ServedManifest> RepositoryTable::find_manifest(std::string_view repository,
                                                             const Digest& digest) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT digest, media_type, size, subject FROM served_manifests "
      "WHERE repository = ? AND digest = ?",
      repository, digest);
  return query.next() ? std::optional(manifest_of(query)) : std::nullopt;
}

std::optional<Digest> RepositoryTable::find_tag(std::string_view repository,
                                                std::string_view tag) const {
  auto connection = session_->database().lock();
  Query query = connection->query("SELECT digest FROM served_tags WHERE repository = ? AND tag = ?",
                                  repository, tag);
  return query.next() ? std::optional(query.digest(0)) : std::nullopt;
}

bool RepositoryTable::remove_manifest(std::string_view repository, const Digest& digest) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  bool found =
      connection->execute("DELETE FROM served_manifests WHERE repository = ? AND digest = ?",
                          repository, digest) > 0;
  transaction.commit();
  return found;
}

bool RepositoryTable::remove_tag(std::string_view repository, std::string_view tag) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  bool found = connection->execute("DELETE FROM served_tags WHERE repository = ? AND tag = ?",
                                   repository, tag) > 0;
  transaction.commit();
  return found;
}

std::vector<std::string> RepositoryTable::tags(std::string_view repository,
                                               const Page& page) const {
  auto connection = session_->database().lock();
  return texts_of(connection->query(
      "SELECT tag FROM served_tags WHERE repository = ?1 AND (?2 = '' OR "
      "(tag COLLATE NOCASE, tag) > (?2 COLLATE NOCASE, ?2)) ORDER BY tag COLLATE NOCASE, tag "
      "LIMIT ?3",
      repository, std::string_view(page.last), page.limit));
}

std::vector<std::string> RepositoryTable::repositories(const Page& page) const {
  auto connection = session_->database().lock();
  return texts_of(connection->query(
      "SELECT repository FROM served_manifests WHERE repository > ? GROUP BY repository "
      "ORDER BY repository LIMIT ?",
      std::string_view(page.last), page.limit));
}

bool RepositoryTable::has_repository(std::string_view repository) const {
  auto connection = session_->database().lock();
  return connection
      ->query(
          "SELECT 1 FROM served_manifests WHERE repository = ?1 UNION ALL "
          "SELECT 1 FROM served_blobs WHERE repository = ?1",
          repository)
      .next();
}

std::vector<ServedManifest> RepositoryTable::referrers(std::string_view repository,
                                                       const Digest& subject,
                                                       const Page& page) const {
  auto connection = session_->database().lock();
  Digest last = Digest::parse(page.last).value_or(Digest::from_sha256_hex(std::string(64, '0')));
  Query query = connection->query(
      "SELECT digest, media_type, size, subject FROM served_manifests "
      "WHERE repository = ?1 AND digest > ?3 AND subject IN (SELECT ?2 "
      "UNION SELECT digest FROM blob_aliases WHERE alias = ?2 "
      "UNION SELECT alias FROM blob_aliases WHERE digest = ?2) ORDER BY digest LIMIT ?4",
      repository, subject, last, page.limit);
  std::vector<ServedManifest> found;
  while (query.next()) {
    found.push_back(manifest_of(query));
  }
  return found;
}

std::int64_t RepositoryTable::drop_unused(std::int64_t unused_ns) {
  auto connection = session_->database().lock();
  Transaction transaction(*connection);
  std::int64_t dropped = connection->execute(
      "DELETE FROM served_blobs WHERE used_ns < ? AND NOT EXISTS(SELECT 1 FROM served_members "
      "WHERE served_members.repository = served_blobs.repository AND "
      "served_members.digest = served_blobs.digest)",
      session_->now_ns() - unused_ns);
  transaction.commit();
  return dropped;
}

}  // namespace slipway::cache
