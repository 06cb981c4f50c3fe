#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slipway::cache {

// The text of a statement: a literal, so that nothing from outside is ever part of one and its
// address can stand for it.
class Sql {
 public:
  // Not explicit: a literal is meant to be written where a statement is taken.
  consteval Sql(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  const char* text() const { return text_; }

 private:
  const char* text_;
};

// Bytes that are no text.
struct Bytes {
  std::string_view bytes;
};

// A statement that runs; its rows one after the other. At most one Query per statement text at a
// time. Must not outlive its Connection.
class Query {
 public:
  Query(Query&& other) noexcept
      : database_(other.database_),
        statement_(std::exchange(other.statement_, nullptr)),
        bound_(other.bound_) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  // The next row; false at the end.
  bool next();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::uint64_t size(int column) const;  // an integer that is never negative
  std::string text(int column) const;    // bytes, too
  base::Digest digest(int column) const;
  std::optional<base::Digest> find_digest(int column) const;
  template <typename Typed>
  Typed typed(int column) const {
    return Typed(digest(column));
  }
  template <typename Typed>
  std::optional<Typed> find_typed(int column) const {
    return is_null(column) ? std::nullopt : std::optional<Typed>(digest(column));
  }

 private:
  friend class Connection;
  Query(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  void bind_integer(std::int64_t value);
  void bind(std::string_view text);
  void bind(Bytes value);
  void bind(const base::Digest& digest);
  void bind(std::nullopt_t absent);
  template <std::integral Integer>
  void bind(Integer value) {
    bind_integer(static_cast<std::int64_t>(value));
  }
  template <typename Tag>
  void bind(const base::TypedDigest<Tag>& digest) {
    bind(digest.digest());
  }
  template <typename Value>
  void bind(const std::optional<Value>& value) {
    value ? bind(*value) : bind(std::nullopt);
  }

  sqlite3* database_;        // the connection's
  sqlite3_stmt* statement_;  // the connection's; null after a move
  int bound_ = 0;
};

// One connection to the store's database, with its prepared statements. One thread at a time
// (Session guards it); not to be carried across fork(2). Digests are stored as their 32 raw bytes.
//
// A full disk, a file that can't be written, a damaged file and a lock that is never given free are
// Errors that say so; a broken constraint is kInternal.
class Connection {
 public:
  // kCreate syncs nothing: its user does that once, at the end.
  enum class Open { kExisting, kCreate };
  Connection(const std::string& path, Open how);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  template <typename... Values>
  Query query(Sql sql, const Values&... values) {
    Query query = prepare(sql);
    (query.bind(values), ...);
    return query;
  }
  // Runs a statement that has no rows; the number of rows that it changed.
  template <typename... Values>
  std::int64_t execute(Sql sql, const Values&... values) {
    Query running = query(sql, values...);
    running.next();
    return changes();
  }
  // For destructors: what fails is left for the next sweep.
  void execute_quietly(Sql sql, const std::string& text) noexcept;
  // Several statements, not kept.
  void run_script(const char* script);

 private:
  friend class Snapshot;
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Query prepare(Sql sql);
  std::int64_t changes() const;
  void roll_back() noexcept;

  std::unique_ptr<sqlite3, Close> database_;
  // By the address of the literal: the same text elsewhere is only prepared twice.
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

// Several reads of one state, whatever others write meanwhile.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

 private:
  Connection* connection_;  // owned by the caller
};

// A write transaction: nobody else writes between its begin and its end, so what is read in it
// still holds when it commits. Undone by the destructor without commit().
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection* connection_;  // owned by the caller
  bool open_ = true;
};

}  // namespace slipway::cache
