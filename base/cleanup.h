#pragma once

#include <utility>

namespace slipway::base {

// Runs the action when the scope ends unless cancelled. The action must not throw.
template <typename Action>
class [[nodiscard]] Cleanup {
 public:
  explicit Cleanup(Action action) : action_(std::move(action)) {}
  Cleanup(const Cleanup&) = delete;
  Cleanup& operator=(const Cleanup&) = delete;
  ~Cleanup() {
    if (armed_) {
      action_();
    }
  }
  void cancel() { armed_ = false; }

 private:
  Action action_;
  bool armed_ = true;
};

}  // namespace slipway::base
