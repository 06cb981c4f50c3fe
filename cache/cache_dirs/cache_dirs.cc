#include "cache/cache_dirs/cache_dirs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "cache/session/session.h"
#include "cache/session/wait.h"

namespace slipway::cache {

using base::cat;
using base::FileLock;

// A directory is used under a lock on locks/cache-<folder>: shared or exclusive. Whoever has the
// lock looks whether the row is still there: removal holds the lock exclusively, deletes the row,
// then the lock file. So a lock that was taken on a file that is gone is noticed.

namespace {

constexpr std::int64_t kUseGranularityNs = 60'000'000'000;

std::string lock_path(const Session& session, const std::string& folder) {
  return session.layout().path_of(cat("locks/cache-", folder));
}

std::string folder_path(const Session& session, const std::string& folder) {
  return session.layout().path_of(cat("cache_dirs/", folder));
}

FileLock::Mode lock_mode(CacheSharing sharing) {
  return sharing == CacheSharing::kShared ? FileLock::Mode::kShared : FileLock::Mode::kExclusive;
}

std::optional<std::string> find_folder(Connection& connection, const CacheDirs::Key& key,
                                       unsigned instance) {
  Query query = connection.query(
      "SELECT folder FROM cache_dirs WHERE name_space = ? AND id = ? AND instance = ?",
      std::string_view(key.name_space), std::string_view(key.id), instance);
  return query.next() ? std::optional(query.text(0)) : std::nullopt;
}

// Whether the folder of a row that we have locked is usable. A row whose folder is gone (deleted
// from outside) goes, too.
bool confirm(Session& session, const CacheDirs::Key& key, unsigned instance,
             const std::string& folder) {
  auto connection = session.database().lock();
  if (find_folder(*connection, key, instance) != folder) {
    return false;
  }
  if (!base::find_status(session.layout().cache_dirs, folder)) {
    connection->execute("DELETE FROM cache_dirs WHERE folder = ?", std::string_view(folder));
    return false;
  }
  std::int64_t now = session.now_ns();
  connection->execute("UPDATE cache_dirs SET last_use_ns = ? WHERE folder = ? AND last_use_ns <= ?",
                      now, std::string_view(folder), now - kUseGranularityNs);
  return true;
}

// Moves a filled directory in and writes its row; false if somebody was faster.
bool publish(Session& session, const CacheDirs::Key& key, unsigned instance,
             const std::string& staged, const std::string& folder) {
  // The row outlives a power cut, so the directory must: the same rule as for all bytes.
  session.sync();
  auto connection = session.database().lock();
  Transaction transaction(*connection);
  if (find_folder(*connection, key, instance)) {
    return false;
  }
  base::check(
      [&] {
        return ::renameat(session.owner().directory().get(), staged.c_str(),
                          session.layout().cache_dirs.get(), folder.c_str());
      },
      "rename", staged);
  std::int64_t now = session.now_ns();
  connection->execute(
      "INSERT INTO cache_dirs(folder, name_space, id, instance, created_ns, last_use_ns) "
      "VALUES(?, ?, ?, ?, ?, ?)",
      std::string_view(folder), std::string_view(key.name_space), std::string_view(key.id),
      instance, now, now);
  transaction.commit();
  return true;
}

// The locked new directory; nothing if somebody was faster.
std::optional<FileLock> make(Session& session, const CacheDirs::Key& key, unsigned instance,
                             const std::string& folder, CacheSharing sharing,
                             const CacheDirs::Seed& seed) {
  const base::Fd& scratch = session.owner().directory();
  std::string staged = cat("cache-dir-", folder);
  base::Cleanup discard([&] {
    ::renameat(scratch.get(), staged.c_str(), session.layout().trash.get(), staged.c_str());
  });
  base::Fd directory = base::ensure_directory(scratch, staged, 0755);
  base::check([&] { return ::fchmod(directory.get(), 0755); }, "fchmod", staged);
  if (seed) {
    seed(cat(session.owner().path(), "/", staged));
  }
  FileLock lock = FileLock::acquire(lock_path(session, folder), lock_mode(sharing));
  if (!publish(session, key, instance, staged, folder)) {
    ::unlink(lock_path(session, folder).c_str());
    return std::nullopt;
  }
  return lock;
}

}  // namespace

CacheDirUse CacheDirs::use(const Key& key, CacheSharing sharing, const Seed& seed,
                           std::stop_token stop) {
  LockWait wait(std::move(stop));
  while (true) {
    if (std::optional<CacheDirUse> use = try_use(key, sharing, seed)) {
      return std::move(*use);
    }
    wait.pause();
  }
}

std::optional<CacheDirUse> CacheDirs::try_use(const Key& key, CacheSharing sharing,
                                              const Seed& seed) {
  for (unsigned instance = 0;; ++instance) {
    std::optional<std::string> folder = find_folder(*session_->database().lock(), key, instance);
    std::optional<FileLock> lock;
    if (!folder) {
      folder = base::random_hex(12);
      lock = make(*session_, key, instance, *folder, sharing, seed);
      if (!lock) {
        return std::nullopt;
      }
      return CacheDirUse(folder_path(*session_, *folder), std::move(*lock));
    }
    lock = FileLock::try_acquire(lock_path(*session_, *folder), lock_mode(sharing));
    if (lock) {
      if (!confirm(*session_, key, instance, *folder)) {
        return std::nullopt;
      }
      return CacheDirUse(folder_path(*session_, *folder), std::move(*lock));
    }
    if (sharing != CacheSharing::kPrivate) {
      return std::nullopt;
    }
  }
}

std::vector<CacheDirs::Listed> CacheDirs::list() const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT name_space, id, instance, folder, created_ns, last_use_ns FROM cache_dirs "
      "ORDER BY last_use_ns DESC, folder");
  std::vector<Listed> listed;
  while (query.next()) {
    listed.push_back({.key = {query.text(0), query.text(1)},
                      .instance = static_cast<unsigned>(query.integer(2)),
                      .folder = query.text(3),
                      .created = from_ns(query.integer(4)),
                      .last_use = from_ns(query.integer(5))});
  }
  return listed;
}

bool CacheDirs::is_in_use(const Listed& listed) const {
  return !FileLock::try_acquire(lock_path(*session_, listed.folder), FileLock::Mode::kExclusive);
}

bool CacheDirs::remove(const Listed& listed) {
  std::optional<FileLock> lock =
      FileLock::try_acquire(lock_path(*session_, listed.folder), FileLock::Mode::kExclusive);
  if (!lock) {
    return false;
  }
  session_->database().lock()->execute("DELETE FROM cache_dirs WHERE folder = ?",
                                       std::string_view(listed.folder));
  bool moved = move_to_trash(session_->layout(), session_->layout().cache_dirs, listed.folder);
  ::unlink(lock_path(*session_, listed.folder).c_str());
  return moved;
}

}  // namespace slipway::cache
