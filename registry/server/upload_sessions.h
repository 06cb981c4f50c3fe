#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/time.h"
#include "cache/store.h"

namespace slipway::registry {

// The store that the server's requests work with. What a Store wrote is safe from collecting until
// it is closed, so a server that used one for ever could collect nothing: renew() puts a new one in
// place, and the old one closes when the last request or upload that has it ends.
class StoreSlot {
 public:
  StoreSlot(std::string root, std::shared_ptr<const base::Clock> clock);
  std::shared_ptr<cache::Store> get() const { return *store_.lock(); }
  void renew();

 private:
  std::string root_;
  std::shared_ptr<const base::Clock> clock_;
  mutable base::Guarded<std::shared_ptr<cache::Store>> store_;
};

// A blob that is arriving, in one request or several.
struct Upload {
  std::string repository;
  std::shared_ptr<cache::Store> store;
  std::unique_ptr<cache::BlobWriter> writer;  // destroyed before its store
};

// Uploads that are open, by their random IDs. They live as long as the server does, and an hour
// beyond their last request. Safe from any thread.
class UploadSessions {
 public:
  struct Session {
    explicit Session(Upload begun) : upload(std::move(begun)) {}
    // Held by one request at a time: the second waits.
    base::Guarded<Upload> upload;
    // The bytes so far, for those who only ask: a request whose bytes stall holds the upload.
    std::atomic<std::uint64_t> received = 0;
  };

  UploadSessions(const StoreSlot& stores, std::shared_ptr<const base::Clock> clock)
      : stores_(&stores), clock_(std::move(clock)) {}

  // The ID; nothing if too many are open.
  std::optional<std::string> open(const std::string& repository);
  // Null if there is none of that ID in the repository.
  std::shared_ptr<Session> find(const std::string& repository, const std::string& id);
  void close(const std::string& id);

 private:
  struct Entry {
    std::shared_ptr<Session> session;
    std::string repository;
    std::int64_t used_seconds = 0;
  };
  const StoreSlot* stores_;  // the server's
  std::shared_ptr<const base::Clock> clock_;
  base::Guarded<std::map<std::string, Entry>> entries_;
};

}  // namespace slipway::registry
