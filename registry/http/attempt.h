#pragma once

#include <exception>
#include <expected>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "registry/http/transport.h"

namespace slipway::registry {

// What kept a request (or a whole transfer) from its end, for those who decide whether and where to
// try again.
struct Failure {
  std::exception_ptr exception;
  base::ErrorKind kind;
  std::string message;
  std::optional<TransportError::Reason> transport;  // there was no answer, or it broke off

  [[noreturn]] void rethrow() const { std::rethrow_exception(exception); }
  // The same may go well in a moment. A name that does not exist, a port where nobody listens and a
  // certificate that is bad stay so.
  bool may_pass() const {
    return transport == TransportError::Reason::kOther ||
           transport == TransportError::Reason::kTimeout;
  }
};

// Runs `body`; an Error that leaves it becomes a value. A stop climbs: nobody tries again after it.
template <typename Body>
std::expected<std::invoke_result_t<Body>, Failure> attempt(Body body) {
  auto failure = [](const base::Error& error) {
    auto* transport = dynamic_cast<const TransportError*>(&error);
    return Failure{
        .exception = std::current_exception(),
        .kind = error.kind(),
        .message = error.message(),
        .transport = transport == nullptr ? std::nullopt : std::optional(transport->reason)};
  };
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (const base::Error& error) {
    if (error.kind() == base::ErrorKind::kCancelled) {
      throw;
    }
    return std::unexpected(failure(error));
  }
}

}  // namespace slipway::registry
