#include "cache/session/background_sync.h"

#include <chrono>

namespace slipway::cache {

namespace {

// What a power cut may cost of a build that goes on. A build that ends sooner syncs at its end, and
// has no use for another one.
constexpr std::chrono::milliseconds kPause{200};

}  // namespace

void BackgroundSync::check() {
  auto wanted = wanted_.lock();
  if (wanted->failure) {
    std::rethrow_exception(wanted->failure);
  }
}

void BackgroundSync::request() {
  check();
  wanted_.lock()->sync = true;
  wanted_.notify_all();
  auto thread = thread_.lock();
  if (!thread->joinable()) {
    *thread = std::jthread([this](std::stop_token stop) { work(std::move(stop)); });
  }
}

void BackgroundSync::work(std::stop_token stop) {
  while (wanted_.lock().wait(stop, [](const Wanted& wanted) { return wanted.sync; })) {
    // Only a stop ends it early.
    wanted_.lock().wait_for(stop, kPause, [](const Wanted&) { return false; });
    if (stop.stop_requested()) {
      return;
    }
    wanted_.lock()->sync = false;
    try {
      sync_();
    } catch (const std::exception&) {
      wanted_.lock()->failure = std::current_exception();
    }
  }
}

}  // namespace slipway::cache
