#include "cache/records/record_table.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "cache/session/session.h"
#include "cache/session/wait.h"

namespace slipway::cache {

using base::Fd;

namespace {

// One file for all steps: the lock is on the byte whose number is the front of the key, so no file
// has to be made and removed for each. Two keys with the same 60 bits would wait for each other,
// no more.
constexpr char kStepLockFile[] = "steps";
constexpr std::size_t kOffsetDigits = 15;

off_t lock_offset(const StepKey& key) {
  return *base::parse_integer<off_t>(key.hex().substr(0, kOffsetDigits), 16);
}

// The columns in this order.
StepRecord record_of(const Query& query) {
  StepRecord record{.key = query.typed<StepKey>(0)};
  record.diff_id = query.find_typed<DiffId>(1);
  record.content_id = query.find_typed<ContentId>(2);
  record.created = from_ns(query.integer(3));
  record.duration_ns = query.integer(4);
  record.log_blob = query.find_digest(5);
  record.family = query.text(6);
  record.parts = query.text(7);
  return record;
}

}  // namespace

std::optional<StepRecord> RecordTable::find(const StepKey& key) const {
  std::optional<StepRecord> record;
  {
    auto connection = session_->database().lock();
    Query query = connection->query(
        "SELECT key, diff_id, content_id, created_ns, duration_ns, log_blob, family, parts "
        "FROM records WHERE key = ?",
        key);
    if (query.next()) {
      record = record_of(query);
    }
  }
  if (record) {
    session_->uses().lock()->records.insert(key.digest());
  }
  return record;
}

bool RecordTable::knows_outline(const StepKey& outline) const {
  auto connection = session_->database().lock();
  Query query =
      connection->query("SELECT 1 FROM step_outlines WHERE outline IN (?, x'') LIMIT 1", outline);
  return query.next();
}

std::optional<StepRecord> RecordTable::find_latest(std::string_view family) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT key, diff_id, content_id, created_ns, duration_ns, log_blob, family, parts "
      "FROM records WHERE family = ? ORDER BY last_use_ns DESC, created_ns DESC LIMIT 1",
      family);
  return query.next() ? std::optional(record_of(query)) : std::nullopt;
}

std::vector<RecordTable::Listed> RecordTable::list(std::size_t limit) const {
  auto connection = session_->database().lock();
  Query query = connection->query(
      "SELECT key, diff_id, content_id, created_ns, duration_ns, log_blob, family, parts, "
      "last_use_ns FROM records ORDER BY last_use_ns DESC, key LIMIT ?",
      limit);
  std::vector<Listed> listed;
  while (query.next()) {
    listed.push_back({record_of(query), from_ns(query.integer(8))});
  }
  return listed;
}

bool RecordTable::remove(const StepKey& key) {
  auto connection = session_->database().lock();
  return connection->execute("DELETE FROM records WHERE key = ?", key) > 0;
}

StepLock RecordTable::lock(const StepKey& key, std::stop_token stop) const {
  std::optional<StepLock> lock = try_lock(key);
  if (!lock) {
    LockWait wait(std::move(stop));
    while (!lock) {
      wait.pause();
      lock = try_lock(key);
    }
  }
  return std::move(*lock);
}

std::optional<StepLock> RecordTable::try_lock(const StepKey& key) const {
  Fd file = base::open_at(session_->layout().locks, kStepLockFile, O_RDWR | O_CREAT, 0600);
  // An open-file-description lock: of this descriptor alone, so threads exclude each other, too,
  // and closing another descriptor of the file frees nothing.
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = lock_offset(key);
  range.l_len = 1;
  while (::fcntl(file.get(), F_OFD_SETLK, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return std::nullopt;
    }
    if (errno != EINTR) {
      throw base::system_error(errno, "fcntl F_OFD_SETLK",
                               session_->layout().path_of("locks/steps"));
    }
  }
  return StepLock(std::move(file));
}

void RecordTable::insert(Connection& connection, const StepRecord& record, std::int64_t now_ns) {
  std::int64_t created = to_ns(record.created);
  connection.execute(
      "INSERT OR REPLACE INTO records(key, diff_id, content_id, created_ns, duration_ns, log_blob, "
      "family, last_use_ns, parts) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record.key, record.diff_id, record.content_id, created == 0 ? now_ns : created,
      record.duration_ns, record.log_blob, std::string_view(record.family), now_ns,
      std::string_view(record.parts));
}

void RecordTable::insert(Connection& connection, const StepOutlineRow& row) {
  connection.execute("INSERT OR IGNORE INTO step_outlines(outline, key) VALUES(?, ?)", row.outline,
                     row.key);
}

}  // namespace slipway::cache
