#pragma once

#include <stop_token>
#include <utility>

#include "base/guarded.h"
#include "base/stream.h"

namespace slipway::registry {

// A number of things that may go on at once. Safe from any thread; outlives its leases.
class TransferSlots {
 public:
  explicit TransferSlots(unsigned count) : free_(count) {}

  class Lease {
   public:
    explicit Lease(TransferSlots* slots) : slots_(slots) {}
    Lease(Lease&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (slots_ != nullptr) {
        ++*slots_->free_.lock();
        slots_->free_.notify_one();
      }
    }

   private:
    TransferSlots* slots_;
  };
  // Waits for a free one; kCancelled on a stop.
  Lease take(const std::stop_token& stop) {
    auto left = free_.lock();
    left.wait(stop, [](unsigned count) { return count > 0; });
    base::throw_if_stopped(stop);
    --*left;
    return Lease(this);
  }

 private:
  base::Guarded<unsigned> free_;
};

}  // namespace slipway::registry
