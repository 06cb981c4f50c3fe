#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "cache/records/rows.h"

namespace slipway::cache {

class Connection;
class Session;

// The right to execute a step, among all threads and processes that use the store; given back by
// the destructor or the end of the process, however it comes.
class StepLock {
 public:
  StepLock(StepLock&&) noexcept = default;
  StepLock& operator=(StepLock&&) noexcept = default;

 private:
  friend class RecordTable;
  explicit StepLock(base::Fd file) : file_(std::move(file)) {}
  base::Fd file_;
};

// What steps came to. Rows are written through Store::commit. Safe from any thread.
class RecordTable {
 public:
  explicit RecordTable(Session& session) : session_(&session) {}

  // A record that is found counts as used (noted in memory, written with the next commit or
  // Store::flush).
  std::optional<StepRecord> find(const StepKey& key) const;
  // Whether there is a record of a step with this outline; also true as long as there are records
  // from before outlines were noted (format 8), which may be of such steps.
  bool knows_outline(const StepKey& outline) const;
  // The most recently used record of a family: what a miss compares itself with.
  std::optional<StepRecord> find_latest(std::string_view family) const;
  struct Listed {
    StepRecord record;
    base::Timestamp last_use;
  };
  // The last used first.
  std::vector<Listed> list(std::size_t limit) const;
  // False if there was none. Its layer becomes garbage if nothing else names it.
  bool remove(const StepKey& key);

  // Waits until nobody else executes the step; then look for its record again. Throws kCancelled on
  // a stop. Precondition: the thread does not hold the lock already.
  StepLock lock(const StepKey& key, std::stop_token stop) const;
  // Nothing if somebody holds it.
  std::optional<StepLock> try_lock(const StepKey& key) const;

  // Part of Store::commit. A record of the same key is replaced.
  static void insert(Connection& connection, const StepRecord& record, std::int64_t now_ns);
  static void insert(Connection& connection, const StepOutlineRow& row);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
