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
  // `sync` is told whether it was asked for at once.
  explicit BackgroundSync(std::function<void(bool at_once)> sync) : sync_(std::move(sync)) {}
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;
  // Waits for a sync that runs; one that did not begin is dropped.
  ~BackgroundSync() = default;

  // Any thread. Throws what a sync in the background threw, then and ever after: what it could not
  // write is lost, and a later sync would not say so again.
  void check();
  // Likewise; and asks for another sync, soon or at once.
  void request();
  void request_at_once();

 private:
  struct Wanted {
    bool sync = false;
    bool at_once = false;
    std::exception_ptr failure;
  };
  void ask(bool at_once);
  void work(std::stop_token stop);
  bool take();  // the request, and whether it is at once

  std::function<void(bool)> sync_;
  base::Guarded<Wanted> wanted_;
  base::Guarded<std::jthread> thread_;  // last: it uses the others
};

}  // namespace slipway::cache
