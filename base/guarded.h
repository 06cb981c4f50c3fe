#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace slipway::base {

// Data that can be reached only through its lock:
//   Guarded<Queue> queue;
//   queue.lock()->push(3);                      // held to the end of the statement
//   auto held = queue.lock(); held->pop();      // held to the end of the scope
// Do not call out to unknown code while holding it.
template <typename T>
class Guarded {
 public:
  class Held {
   public:
    T* operator->() { return value_; }
    T& operator*() { return *value_; }
    // Waits until `ready(value)`; false if the stop came first. Wakes are given by Guarded::notify.
    template <typename Ready>
    bool wait(std::stop_token stop, Ready ready) {
      return owner_->changed_.wait(lock_, stop, [&] { return ready(*value_); });
    }
    // The same, but for a limited time: whether it is ready when it returns.
    template <typename Duration, typename Ready>
    bool wait_for(std::stop_token stop, Duration limit, Ready ready) {
      return owner_->changed_.wait_for(lock_, stop, limit, [&] { return ready(*value_); });
    }
    template <typename Ready>
    void wait(Ready ready) {
      owner_->changed_.wait(lock_, [&] { return ready(*value_); });
    }

   private:
    friend class Guarded;
    explicit Held(Guarded* owner) : owner_(owner), lock_(owner->mutex_), value_(&owner->value_) {}
    Guarded* owner_;
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Held lock() { return Held(this); }
  void notify_all() { changed_.notify_all(); }
  void notify_one() { changed_.notify_one(); }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  T value_{};
};

}  // namespace slipway::base
