// The tables. Foreign keys are on: a row that names bytes that are not stored can't be written,
// and one that is named can't be deleted. Digests are raw bytes; times are nanoseconds since 1970
// (an image's own creation time, which its maker chooses, is seconds and nanoseconds).
#include "cache/db/schema.h"

#include <array>

namespace slipway::cache {

namespace {

constexpr char kTables[] = R"sql(
-- Bytes that are complete and synced.
CREATE TABLE blobs(
  digest BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  created_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE trees(
  diff_id BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  created_ns INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE layers(
  diff_id BLOB PRIMARY KEY,
  content_id BLOB,
  tar_size INTEGER NOT NULL,
  index_blob BLOB REFERENCES blobs,
  canonical INTEGER NOT NULL,
  created_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX layers_by_content ON layers(content_id, created_ns);
CREATE INDEX layers_by_index_blob ON layers(index_blob);
-- The digest may be of bytes that are not here.
CREATE TABLE layer_blobs(
  diff_id BLOB NOT NULL REFERENCES layers ON DELETE CASCADE,
  encoder TEXT NOT NULL,
  digest BLOB NOT NULL,
  size INTEGER NOT NULL,
  compression INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  PRIMARY KEY(diff_id, encoder, digest)) WITHOUT ROWID;
CREATE INDEX layer_blobs_by_digest ON layer_blobs(digest);
CREATE TABLE blob_sources(
  digest BLOB NOT NULL,
  host TEXT NOT NULL,
  repository TEXT NOT NULL,
  learnt_ns INTEGER NOT NULL,
  PRIMARY KEY(digest, host, repository)) WITHOUT ROWID;

-- Not WITHOUT ROWID: `parts` is long.
CREATE TABLE records(
  key BLOB PRIMARY KEY,
  diff_id BLOB REFERENCES layers,
  content_id BLOB,
  created_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  log_blob BLOB REFERENCES blobs,
  family TEXT NOT NULL,
  last_use_ns INTEGER NOT NULL,
  parts TEXT NOT NULL);
CREATE INDEX records_by_diff_id ON records(diff_id);
CREATE INDEX records_by_log_blob ON records(log_blob);
CREATE INDEX records_by_family ON records(family, last_use_ns);
CREATE INDEX records_by_last_use ON records(last_use_ns);

CREATE TABLE images(
  id BLOB PRIMARY KEY REFERENCES blobs,
  platform TEXT NOT NULL,
  created_seconds INTEGER NOT NULL,
  created_nanoseconds INTEGER NOT NULL,
  added_ns INTEGER NOT NULL,
  last_use_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  manifest BLOB REFERENCES blobs,
  manifest_type TEXT) WITHOUT ROWID;
CREATE INDEX images_by_manifest ON images(manifest);
CREATE TABLE image_layers(
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  position INTEGER NOT NULL,
  diff_id BLOB NOT NULL REFERENCES layers,
  PRIMARY KEY(image, position)) WITHOUT ROWID;
CREATE INDEX image_layers_by_diff_id ON image_layers(diff_id);
CREATE TABLE image_blobs(
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  digest BLOB NOT NULL REFERENCES blobs,
  PRIMARY KEY(image, digest)) WITHOUT ROWID;
CREATE INDEX image_blobs_by_digest ON image_blobs(digest);
CREATE TABLE built_manifests(
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  compression TEXT NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  media_type TEXT NOT NULL,
  PRIMARY KEY(image, compression)) WITHOUT ROWID;
CREATE INDEX built_manifests_by_digest ON built_manifests(digest);

CREATE TABLE indexes(
  digest BLOB PRIMARY KEY REFERENCES blobs,
  media_type TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE index_images(
  index_digest BLOB NOT NULL REFERENCES indexes ON DELETE CASCADE,
  position INTEGER NOT NULL,
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  PRIMARY KEY(index_digest, image)) WITHOUT ROWID;
CREATE INDEX index_images_by_image ON index_images(image);
CREATE TABLE index_blobs(
  index_digest BLOB NOT NULL REFERENCES indexes ON DELETE CASCADE,
  digest BLOB NOT NULL REFERENCES blobs,
  PRIMARY KEY(index_digest, digest)) WITHOUT ROWID;
CREATE INDEX index_blobs_by_digest ON index_blobs(digest);

CREATE TABLE names(
  reference TEXT PRIMARY KEY,
  image BLOB REFERENCES images ON DELETE CASCADE,
  index_digest BLOB REFERENCES indexes ON DELETE CASCADE,
  updated_ns INTEGER NOT NULL,
  CHECK((image IS NULL) <> (index_digest IS NULL))) WITHOUT ROWID;
CREATE INDEX names_by_image ON names(image);
CREATE INDEX names_by_index ON names(index_digest);
CREATE TABLE repository_digests(
  repository TEXT NOT NULL,
  digest BLOB NOT NULL,
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  PRIMARY KEY(repository, digest, image)) WITHOUT ROWID;
CREATE INDEX repository_digests_by_image ON repository_digests(image);

CREATE TABLE cache_dirs(
  folder TEXT PRIMARY KEY,
  name_space TEXT NOT NULL,
  id TEXT NOT NULL,
  instance INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  last_use_ns INTEGER NOT NULL,
  UNIQUE(name_space, id, instance)) WITHOUT ROWID;

-- What a running process needs. `owner` is the name of its folder in tmp/.
CREATE TABLE leases(
  kind INTEGER NOT NULL,
  digest BLOB NOT NULL,
  owner TEXT NOT NULL,
  PRIMARY KEY(kind, digest, owner)) WITHOUT ROWID;
CREATE INDEX leases_by_owner ON leases(owner);
)sql";

// Format 2: what the embedded registry serves. Repositories are names; a row of served_blobs or
// served_manifests makes bytes reachable in one of them.
constexpr char kTables2[] = R"sql(
CREATE TABLE IF NOT EXISTS served_blobs(
  repository TEXT NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  used_ns INTEGER NOT NULL,
  PRIMARY KEY(repository, digest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS served_blobs_by_digest ON served_blobs(digest);
CREATE TABLE IF NOT EXISTS served_manifests(
  repository TEXT NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  subject BLOB,
  added_ns INTEGER NOT NULL,
  PRIMARY KEY(repository, digest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS served_manifests_by_digest ON served_manifests(digest);
CREATE INDEX IF NOT EXISTS served_manifests_by_subject ON served_manifests(repository, subject);
-- What a manifest names of what is here.
CREATE TABLE IF NOT EXISTS served_members(
  repository TEXT NOT NULL,
  manifest BLOB NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  PRIMARY KEY(repository, manifest, digest),
  FOREIGN KEY(repository, manifest) REFERENCES served_manifests ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS served_members_by_digest ON served_members(digest);
CREATE TABLE IF NOT EXISTS served_tags(
  repository TEXT NOT NULL,
  tag TEXT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY(repository, tag),
  FOREIGN KEY(repository, digest) REFERENCES served_manifests ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS served_tags_by_digest ON served_tags(repository, digest);
)sql";

// Format 3: trees that are kept to be looked at, and the layers that these need.
constexpr char kTables3[] = R"sql(
CREATE TABLE IF NOT EXISTS kept(
  id BLOB PRIMARY KEY,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS kept_by_kind ON kept(kind, created_ns);
CREATE TABLE IF NOT EXISTS kept_layers(
  kept BLOB NOT NULL REFERENCES kept ON DELETE CASCADE,
  diff_id BLOB NOT NULL REFERENCES layers,
  PRIMARY KEY(kept, diff_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_layers_by_diff_id ON kept_layers(diff_id);
)sql";

// Format 4: rows that are ahead of their bytes (session/unsynced.h). A number is never given twice:
// a sync that began before another one emptied the table must not forget newer notes.
constexpr char kTables4[] = R"sql(
CREATE TABLE IF NOT EXISTS unsynced(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  boot TEXT NOT NULL,
  items TEXT NOT NULL);
)sql";

// Format 5: what else the digest of a blob may be called (by another algorithm), and manifests
// about an image that is here, with the blobs that they need.
constexpr char kTables5[] = R"sql(
CREATE TABLE IF NOT EXISTS blob_aliases(
  alias BLOB PRIMARY KEY,
  digest BLOB NOT NULL REFERENCES blobs ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blob_aliases_by_digest ON blob_aliases(digest);
CREATE TABLE IF NOT EXISTS image_referrers(
  image BLOB NOT NULL REFERENCES images ON DELETE CASCADE,
  digest BLOB NOT NULL REFERENCES blobs,
  media_type TEXT NOT NULL,
  subject BLOB NOT NULL,
  PRIMARY KEY(image, digest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_referrers_by_digest ON image_referrers(digest);
CREATE TABLE IF NOT EXISTS image_referrer_blobs(
  image BLOB NOT NULL,
  referrer BLOB NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  PRIMARY KEY(image, referrer, digest),
  FOREIGN KEY(image, referrer) REFERENCES image_referrers ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_referrer_blobs_by_digest ON image_referrer_blobs(digest);
)sql";

// Format 6: layers that have most of their tar in common with older ones.
constexpr char kTables6[] = R"sql(
CREATE TABLE IF NOT EXISTS layer_patches(
  diff_id BLOB NOT NULL REFERENCES layers ON DELETE CASCADE,
  position INTEGER NOT NULL,
  digest BLOB NOT NULL REFERENCES blobs,
  PRIMARY KEY(diff_id, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS layer_patches_by_digest ON layer_patches(digest);
)sql";

// Format 7: the blocks of which a compressed blob is made. Not WITHOUT ROWID: `blocks` is long.
constexpr char kTables7[] = R"sql(
CREATE TABLE IF NOT EXISTS blob_blocks(
  digest BLOB PRIMARY KEY REFERENCES blobs ON DELETE CASCADE,
  blocks BLOB NOT NULL);
)sql";

// Format 8: checksums of a blob's pieces, eight bytes for each (base/piece_checks.h).
constexpr char kTables8[] = R"sql(
CREATE TABLE IF NOT EXISTS blob_checks(
  digest BLOB PRIMARY KEY REFERENCES blobs ON DELETE CASCADE,
  checks BLOB NOT NULL);
)sql";

// Format 9: what recorded steps have in common with those that read other files. Nobody knows it of
// the records that are there already, which is what an empty outline says.
constexpr char kTables9[] = R"sql(
CREATE TABLE IF NOT EXISTS step_outlines(
  outline BLOB NOT NULL,
  key BLOB NOT NULL REFERENCES records ON DELETE CASCADE,
  PRIMARY KEY(outline, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS step_outlines_by_key ON step_outlines(key);
INSERT OR IGNORE INTO step_outlines SELECT x'', key FROM records;
)sql";

}  // namespace

void create_tables(Connection& connection) {
  connection.run_script(kTables);
  add_newer_tables(connection, 1);
}

void add_newer_tables(Connection& connection, int format) {
  constexpr std::array kNewer = {kTables2, kTables3, kTables4, kTables5,
                                 kTables6, kTables7, kTables8, kTables9};
  for (std::size_t i = 0; i < kNewer.size(); ++i) {
    if (format < static_cast<int>(i) + 2) {
      connection.run_script(kNewer[i]);
    }
  }
}

}  // namespace slipway::cache
