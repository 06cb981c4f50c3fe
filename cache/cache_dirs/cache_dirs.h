#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/time.h"

namespace slipway::cache {

class Session;

// How the directory of `RUN --mount=type=cache` is shared between steps that run at once.
enum class CacheSharing {
  kShared,   // all use one directory together
  kPrivate,  // who finds it in use gets another one
  kLocked,   // one after the other
};

// A cache directory in use; given back by the destructor.
class CacheDirUse {
 public:
  const std::string& path() const { return path_; }

 private:
  friend class CacheDirs;
  CacheDirUse(std::string path, base::FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  base::FileLock lock_;
};

// The directories behind RUN cache mounts: kept between builds, never part of a layer, lost without
// harm. Safe from any thread and process.
class CacheDirs {
 public:
  explicit CacheDirs(Session& session) : session_(&session) {}

  // What a cache mount is known by. Callers put everything that must keep mounts apart into the
  // name space (a prefix given by the user, the digest of the initial content).
  struct Key {
    std::string name_space;
    std::string id;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Fills a new directory (empty, mode 0755) before anybody sees it: owner, mode, initial content.
  using Seed = std::function<void(const std::string& path)>;
  // Waits while others use the directory in a way that excludes ours; kCancelled on a stop. If
  // `seed` throws, no directory is left.
  CacheDirUse use(const Key& key, CacheSharing sharing, const Seed& seed, std::stop_token stop);

  struct Listed {
    Key key;
    unsigned instance = 0;  // more than one only through kPrivate
    std::string folder;     // beneath the store's cache_dirs/
    base::Timestamp created;
    base::Timestamp last_use;
  };
  // The last used first.
  std::vector<Listed> list() const;
  bool is_in_use(const Listed& listed) const;
  // Moves the directory to the trash; false if it is in use or gone.
  bool remove(const Listed& listed);

 private:
  std::optional<CacheDirUse> try_use(const Key& key, CacheSharing sharing, const Seed& seed);
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
