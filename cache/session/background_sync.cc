#include "cache/session/background_sync.h"

#include <chrono>
#include <utility>

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
  ask(false);
}

void BackgroundSync::request_at_once() {
  ask(true);
}

void BackgroundSync::ask(bool at_once) {
  check();
  {
    auto wanted = wanted_.lock();
    wanted->sync = true;
    wanted->at_once = wanted->at_once || at_once;
  }
  wanted_.notify_all();
  auto thread = thread_.lock();
  if (!thread->joinable()) {
    *thread = std::jthread([this](std::stop_token stop) { work(std::move(stop)); });
  }
}

void BackgroundSync::work(std::stop_token stop) {
  while (wanted_.lock().wait(stop, [](const Wanted& wanted) { return wanted.sync; })) {
    wanted_.lock().wait_for(stop, kPause, [](const Wanted& wanted) { return wanted.at_once; });
    if (stop.stop_requested()) {
      return;
    }
    bool at_once = take();
    try {
      sync_(at_once);
    } catch (const std::exception&) {
      wanted_.lock()->failure = std::current_exception();
    }
  }
}

bool BackgroundSync::take() {
  auto wanted = wanted_.lock();
  wanted->sync = false;
  return std::exchange(wanted->at_once, false);
}

}  // namespace slipway::cache
