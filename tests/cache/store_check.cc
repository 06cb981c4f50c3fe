#include "tests/cache/store_check.h"

#include <fcntl.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/db/connection.h"

namespace slipway::cache::testing_support {

using base::cat;

namespace {

std::string check_blobs(Connection& connection, const std::string& root) {
  std::string wrong;
  Query blobs = connection.query("SELECT digest, size FROM blobs");
  while (blobs.next()) {
    std::string path = cat(root, "/blobs/sha256/", blobs.digest(0).hex());
    auto bytes = base::find_file_content(path, 1 << 24);
    if (!bytes) {
      wrong += cat("no file: ", path, "\n");
    } else if (bytes->size() != blobs.size(1) || base::sha256_of(*bytes) != blobs.digest(0)) {
      wrong += cat("wrong bytes: ", path, "\n");
    }
  }
  return wrong;
}

std::string check_trees(Connection& connection, const std::string& root) {
  std::string wrong;
  Query trees = connection.query("SELECT diff_id FROM trees");
  while (trees.next()) {
    std::string path = cat(root, "/trees/", trees.digest(0).hex());
    auto word = base::find_file_content(path + "/word", 1 << 16);
    if (!word || base::sha256_of(*word) != trees.digest(0)) {
      wrong += cat("wrong tree: ", path, "\n");
    }
  }
  return wrong;
}

std::string check_database(Connection& connection) {
  std::string wrong;
  Query integrity = connection.query("PRAGMA integrity_check");
  while (integrity.next()) {
    if (integrity.text(0) != "ok") {
      wrong += cat("database: ", integrity.text(0), "\n");
    }
  }
  Query keys = connection.query("PRAGMA foreign_key_check");
  while (keys.next()) {
    wrong += cat("foreign key of table ", keys.text(0), "\n");
  }
  return wrong;
}

}  // namespace

std::string check_store(const std::string& root) {
  Connection connection(root + "/db.sqlite", Connection::Open::kExisting);
  return check_database(connection) + check_blobs(connection, root) + check_trees(connection, root);
}

std::string find_orphans(const std::string& root) {
  Connection connection(root + "/db.sqlite", Connection::Open::kExisting);
  std::string orphans;
  for (const auto& entry : base::list_directory(base::open_directory(root + "/blobs/sha256"))) {
    if (!connection
             .query("SELECT 1 FROM blobs WHERE digest = ?",
                    base::Digest::from_sha256_hex(entry.name))
             .next()) {
      orphans += cat("blob ", entry.name, "\n");
    }
  }
  for (const auto& entry : base::list_directory(base::open_directory(root + "/trees"))) {
    if (!connection
             .query("SELECT 1 FROM trees WHERE diff_id = ?",
                    base::Digest::from_sha256_hex(entry.name))
             .next()) {
      orphans += cat("tree ", entry.name, "\n");
    }
  }
  return orphans;
}

}  // namespace slipway::cache::testing_support
