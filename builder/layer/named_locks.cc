#include "builder/layer/named_locks.h"

#include <utility>

#include "base/stream.h"

namespace slipway::builder {

NamedLocks::Held::~Held() {
  locks_->held_.lock()->erase(name_);
  locks_->held_.notify_all();
}

NamedLocks::Held NamedLocks::lock(std::string name, const std::stop_token& stop) {
  {
    auto held = held_.lock();
    if (!held.wait(stop, [&](const auto& names) { return !names.contains(name); })) {
      base::throw_if_stopped(stop);
    }
    held->insert(name);
  }
  return {*this, std::move(name)};
}

}  // namespace slipway::builder
