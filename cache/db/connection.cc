#include "cache/db/connection.h"

#include <cassert>
#include <cerrno>

#include <sqlite3.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::cache {

using base::cat;
using base::Digest;
using base::ErrorKind;

namespace {

// Write transactions last microseconds, those of prune milliseconds: who waits this long waits for
// a process that hangs.
constexpr int kBusyTimeoutMs = 60'000;

// Pages that the write-ahead log may hold before a commit copies them into the database, which
// costs some fsyncs. The first process that opens the store reads the log: 1 MiB is under a
// millisecond.
constexpr int kLogPagesMax = 250;

constexpr std::size_t kSha256Bytes = 32;

[[noreturn]] void fail_damaged(const std::string& path, std::string_view detail) {
  base::fail(ErrorKind::kIntegrity, cat("the store's database ", path, " is damaged: ", detail),
             "move the store's folder away, or choose another store with --root; images can be "
             "pulled and built again");
}

[[noreturn]] void fail_sqlite(sqlite3* database, int code) {
  const char* file = sqlite3_db_filename(database, "main");
  std::string path = file == nullptr ? "db.sqlite" : file;
  std::string detail = sqlite3_errmsg(database);
  int system_number = sqlite3_system_errno(database);
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw base::system_error(ENOSPC, "write", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      fail_damaged(path, detail);
    case SQLITE_BUSY:
      base::fail(ErrorKind::kSystem,
                 cat("the store's database ", path, " was locked by another process for ",
                     kBusyTimeoutMs / 1000, " seconds"),
                 "look for a slipway process that hangs");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      base::fail(ErrorKind::kDenied, cat("can't write the store's database ", path, ": ", detail),
                 "choose another store with --root");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (system_number != 0) {
        throw base::system_error(system_number, "use", path);
      }
      base::fail(ErrorKind::kSystem, cat("can't use the store's database ", path, ": ", detail));
    default:
      base::fail(ErrorKind::kInternal, cat("database ", path, ": ", detail));
  }
}

// Runs after each commit, in place of SQLite's own hook. That one copies the log but leaves it to a
// later write of a process that was there before to begin it anew; with many processes that write
// once each, the log would grow for ever. What fails here (somebody reads) is done by a later
// commit.
int shorten_log(void* /*context*/, sqlite3* database, const char* name, int pages) {
  if (pages >= kLogPagesMax) {
    sqlite3_busy_timeout(database, 0);
    sqlite3_wal_checkpoint_v2(database, name, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(database, kBusyTimeoutMs);
  }
  return SQLITE_OK;
}

void check_sqlite(sqlite3* database, int code) {
  if (code != SQLITE_OK) {
    fail_sqlite(database, code);
  }
}

}  // namespace

Query::~Query() {
  if (statement_ != nullptr) {
    // The error of a failed step was thrown by next(); reset only repeats it.
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
}

bool Query::next() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code != SQLITE_DONE) {
    fail_sqlite(database_, code);
  }
  return false;
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::uint64_t Query::size(int column) const {
  std::int64_t value = integer(column);
  if (value < 0) {
    fail_damaged(sqlite3_db_filename(database_, "main"), "a size is negative");
  }
  return static_cast<std::uint64_t>(value);
}

std::string Query::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

Digest Query::digest(int column) const {
  std::string bytes = text(column);
  if (bytes.size() == kSha256Bytes) {
    return Digest::from_sha256_raw(bytes);
  }
  auto parsed = Digest::parse(bytes);
  if (!parsed) {
    fail_damaged(sqlite3_db_filename(database_, "main"), "a digest has another form");
  }
  return *parsed;
}

std::optional<Digest> Query::find_digest(int column) const {
  return is_null(column) ? std::nullopt : std::optional(digest(column));
}

void Query::bind_integer(std::int64_t value) {
  check_sqlite(database_, sqlite3_bind_int64(statement_, ++bound_, value));
}

void Query::bind(std::string_view text) {
  // A null pointer would bind NULL.
  const char* bytes = text.empty() ? "" : text.data();
  check_sqlite(database_, sqlite3_bind_text64(statement_, ++bound_, bytes, text.size(),
                                              SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind(Bytes value) {
  const char* bytes = value.bytes.empty() ? "" : value.bytes.data();
  check_sqlite(database_, sqlite3_bind_blob64(statement_, ++bound_, bytes, value.bytes.size(),
                                              SQLITE_TRANSIENT));
}

void Query::bind(const Digest& digest) {
  if (!digest.is_sha256()) {
    // Known by name only: nothing here makes or stores bytes by another algorithm.
    return bind(std::string_view(digest.text()));
  }
  bind(Bytes{digest.sha256_raw()});
}

void Query::bind(std::nullopt_t) {
  check_sqlite(database_, sqlite3_bind_null(statement_, ++bound_));
}

void Connection::Close::operator()(sqlite3* database) const {
  sqlite3_close(database);
}

void Connection::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Connection::Connection(const std::string& path, Open how) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
              (how == Open::kCreate ? SQLITE_OPEN_CREATE : 0);
  sqlite3* database = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  database_.reset(database);
  if (database == nullptr) {
    throw base::system_error(ENOMEM, "open", path);
  }
  check_sqlite(database, code);
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  sqlite3_wal_hook(database, shorten_log, nullptr);
  // The last one to close would copy the log, with fsyncs for which the end of every short command
  // would wait.
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (how == Open::kCreate) {
    run_script("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;");
  } else {
    // NORMAL: a transaction may be forgotten after a power cut, but never half of one; the bytes
    // it names were synced before it.
    run_script("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
  }
}

Connection::Connection(Connection&&) noexcept = default;
Connection::~Connection() = default;

void Connection::execute_quietly(Sql sql, const std::string& text) noexcept {
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v3(database_.get(), sql.text(), -1, 0, &made, nullptr);
  std::unique_ptr<sqlite3_stmt, Finalize> statement(made);
  // SQLite takes a null statement as misuse and says so in its result.
  sqlite3_bind_text64(made, 1, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_step(made);
}

void Connection::run_script(const char* script) {
  check_sqlite(database_.get(), sqlite3_exec(database_.get(), script, nullptr, nullptr, nullptr));
}

Query Connection::prepare(Sql sql) {
  auto& statement = statements_[sql.text()];
  if (statement == nullptr) {
    sqlite3_stmt* made = nullptr;
    check_sqlite(database_.get(), sqlite3_prepare_v3(database_.get(), sql.text(), -1,
                                                     SQLITE_PREPARE_PERSISTENT, &made, nullptr));
    statement.reset(made);
  }
  assert(sqlite3_stmt_busy(statement.get()) == 0);
  return {database_.get(), statement.get()};
}

std::int64_t Connection::changes() const {
  return sqlite3_changes64(database_.get());
}

void Connection::roll_back() noexcept {
  // Not through execute, which may throw. Where this fails, SQLite has rolled back by itself.
  sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Snapshot::Snapshot(Connection& connection) : connection_(&connection) {
  connection.execute("BEGIN");
}

Snapshot::~Snapshot() {
  connection_->roll_back();
}

Transaction::Transaction(Connection& connection) : connection_(&connection) {
  connection.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (open_) {
    connection_->roll_back();
  }
}

void Transaction::commit() {
  connection_->execute("COMMIT");
  open_ = false;
}

}  // namespace slipway::cache
