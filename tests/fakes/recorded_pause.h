#pragma once

#include <cstdint>
#include <vector>

#include "base/guarded.h"
#include "base/stream.h"
#include "registry/http/retry.h"

namespace slipway::tests {

// Waits no time and remembers how long it should have been.
class RecordedPause : public registry::Pause {
 public:
  void wait(std::int64_t duration_ms, std::stop_token stop) override {
    base::throw_if_stopped(stop);
    waits_.lock()->push_back(duration_ms);
  }
  std::vector<std::int64_t> waits() const { return *waits_.lock(); }

 private:
  mutable base::Guarded<std::vector<std::int64_t>> waits_;
};

}  // namespace slipway::tests
