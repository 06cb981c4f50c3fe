#pragma once

#include <exception>
#include <functional>
#include <thread>

#include "base/guarded.h"

namespace slipway::cache {

// Makes what was asked for durable soon, on a thread of its own, which is started by the first
// request. It waits a little first: a build of many short steps must not sync for each.
class BackgroundSync {
 public:
  explicit BackgroundSync(std::function<void()> sync) : sync_(std::move(sync)) {}
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;
  // Waits for a sync that runs; one that did not begin is dropped.
  ~BackgroundSync() = default;

  // Any thread. Throws what a sync in the background threw, then and ever after: what it could not
  // write is lost, and a later sync would not say so again.
  void check();
  // Likewise; and asks for another sync.
  void request();

 private:
  struct Wanted {
    bool sync = false;
    std::exception_ptr failure;
  };
  void work(std::stop_token stop);

  std::function<void()> sync_;
  base::Guarded<Wanted> wanted_;
  base::Guarded<std::jthread> thread_;  // last: it uses the others
};

}  // namespace slipway::cache
