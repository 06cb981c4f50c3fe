#pragma once

#include <stop_token>

#include "registry/http/transport.h"

namespace slipway::registry {

inline constexpr int kRedirectsMax = 10;

// Where an answer sends the request, or nothing if it is no redirect (or one that this method does
// not follow: PUT, PATCH and POST go on with 307 and 308 only, which send the body again).
// Authorization and cookies stay behind when scheme, host or port change: storage services refuse a
// request with two kinds of credentials, and a hostile registry must not send ours elsewhere.
// Throws kNetwork for a target that is no URL or goes from https to http.
std::optional<Request> next_hop(const Request& request, const Response& response);

// Sends and follows. `request` becomes the one that was answered last.
Response send_following(Transport& transport, Request& request, std::stop_token stop);

}  // namespace slipway::registry
