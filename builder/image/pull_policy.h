#pragma once

namespace slipway::builder {

// When a base image is asked of its registry.
enum class PullPolicy {
  kMissing,  // only if the store has no image of that name; then no request is made
  kAlways,   // every time; what is here already is not fetched again
  kNever,    // the store must have it
  kNewer,  // asked for its digest; fetched if that differs; if the registry can't be reached, what
           // is here will do
};

}  // namespace slipway::builder
