#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/digest.h"

namespace slipway::registry {

// What happens to one blob or document of a transfer.
struct TransferEvent {
  enum class Kind {
    kStarted,
    kBytes,     // `current` so far
    kDone,      // all bytes moved and verified
    kExists,    // nothing had to be moved
    kMounted,   // the registry took it from `from`, another repository of its own
    kRetrying,  // `text` says why; the next try comes after `wait_ms`
    kWarning,   // `text` is the registry's (header Warning) or ours
  };
  Kind kind = Kind::kStarted;
  std::string digest;  // empty where no blob is meant
  std::uint64_t current = 0;
  std::uint64_t total = 0;
  std::string from;
  std::string text;
  std::int64_t wait_ms = 0;
};

// Called from any of the threads of a transfer, perhaps by several at once. May be empty.
using TransferObserver = std::function<void(const TransferEvent&)>;

}  // namespace slipway::registry
