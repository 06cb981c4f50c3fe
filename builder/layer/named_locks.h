#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/guarded.h"

namespace slipway::builder {

// Locks that have names instead of objects: whoever makes something that others may want as well
// holds its name meanwhile, and a second thread that wants to make it waits and then finds it. Safe
// for many threads of one process; other processes do not see it.
class NamedLocks {
 public:
  // The destructor lets the name go.
  class Held {
   public:
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held();

   private:
    friend class NamedLocks;
    Held(NamedLocks& locks, std::string name) : locks_(&locks), name_(std::move(name)) {}
    NamedLocks* locks_;
    std::string name_;
  };

  // Waits until nobody holds the name, also the caller: it is not to ask for one twice. kCancelled
  // if a stop is asked for while it waits. This outlives what it returns.
  [[nodiscard]] Held lock(std::string name, const std::stop_token& stop);

 private:
  base::Guarded<std::set<std::string>> held_;
};

}  // namespace slipway::builder
