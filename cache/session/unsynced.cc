#include "cache/session/unsynced.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/session/owner.h"

namespace slipway::cache {

using base::cat;
using base::Digest;

namespace {

constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";
constexpr std::size_t kBootIdBytesMax = 256;

// Written to disk, one before each digest.
constexpr char kBlob = 'b';
constexpr char kTree = 't';
constexpr char kRecord = 'r';

void add(std::string& items, char kind, const Digest& digest) {
  items += cat(items.empty() ? "" : " ", std::string_view(&kind, 1), digest.hex());
}

void drop(const Layout& layout, Connection& connection, std::string_view item) {
  Digest digest = Digest::from_sha256_hex(item.substr(1));
  std::string name(digest.hex());
  switch (item.front()) {
    case kBlob:
      move_to_trash(layout, layout.blobs, name);
      return;
    case kTree:
      move_to_trash(layout, layout.trees, name);
      return;
    case kRecord:
      connection.execute("DELETE FROM records WHERE key = ?", digest);
      return;
    default:
      base::fail(base::ErrorKind::kIntegrity,
                 cat("the store's database ", layout.database_path(),
                     " is damaged: ", base::quote(item), " is no item of the table unsynced"));
  }
}

}  // namespace

std::optional<std::string> find_boot_id() {
  std::optional<std::string> text = base::find_file_content(kBootIdFile, kBootIdBytesMax);
  return text ? std::optional(std::string(base::trim(*text))) : std::nullopt;
}

void note_unsynced(Connection& connection, const std::string& boot, const Placed& placed,
                   const std::vector<StepKey>& records) {
  std::string items;
  for (const auto& [digest, size] : placed.blobs) {
    add(items, kBlob, digest);
  }
  for (const auto& [diff_id, size] : placed.trees) {
    add(items, kTree, diff_id);
  }
  for (const StepKey& key : records) {
    add(items, kRecord, key.digest());
  }
  connection.execute("INSERT INTO unsynced(boot, items) VALUES(?, ?)", std::string_view(boot),
                     std::string_view(items));
}

std::int64_t newest_unsynced(Connection& connection) {
  Query query = connection.query("SELECT max(number) FROM unsynced");
  return query.next() && !query.is_null(0) ? query.integer(0) : 0;
}

void forget_unsynced(Connection& connection, const std::string& boot, std::int64_t newest) {
  connection.execute("DELETE FROM unsynced WHERE number <= ? AND boot = ?", newest,
                     std::string_view(boot));
}

void drop_lost(const Layout& layout, Connection& connection, const std::string& boot) {
  {
    Query query =
        connection.query("SELECT 1 FROM unsynced WHERE boot <> ? LIMIT 1", std::string_view(boot));
    if (!query.next()) {
      return;
    }
  }
  Transaction transaction(connection);
  std::vector<std::string> lost;
  {
    Query query =
        connection.query("SELECT items FROM unsynced WHERE boot <> ?", std::string_view(boot));
    while (query.next()) {
      lost.push_back(query.text(0));
    }
  }
  for (const std::string& items : lost) {
    for (std::string_view item : base::split(items, ' ')) {
      if (!item.empty()) {
        drop(layout, connection, item);
      }
    }
  }
  connection.execute("DELETE FROM unsynced WHERE boot <> ?", std::string_view(boot));
  transaction.commit();
}

}  // namespace slipway::cache
