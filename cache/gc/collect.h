#pragma once

#include <stop_token>

namespace slipway::cache {

class Session;

// Store::collect and Store::empty_trash.
void collect(Session& session, std::stop_token stop);
void empty_trash(Session& session, std::stop_token stop);

}  // namespace slipway::cache
