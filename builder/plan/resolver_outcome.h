#pragma once

#include <expected>
#include <type_traits>

#include "base/error.h"

namespace slipway::builder {

// The resolver boundary: what asking it throws becomes a value, so that the failure that is
// reported, with its lines, does not depend on which of several requests ended first. Cancelling
// is thrown on.
template <typename Body>
std::expected<std::invoke_result_t<Body>, base::Error> resolver_outcome(const Body& body) {
  try {
    return body();
  } catch (const base::Error& error) {
    if (error.kind() == base::ErrorKind::kCancelled) {
      throw;
    }
    return std::unexpected(error);
  }
}

}  // namespace slipway::builder
