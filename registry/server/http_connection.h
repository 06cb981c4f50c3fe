#pragma once

#include <functional>

#include "base/fd.h"
#include "registry/server/connection_stream.h"
#include "registry/server/message.h"

namespace slipway::registry {

// Speaks HTTP/1.1 (RFC 9112) on one connection: reads requests one after the other, has each
// answered, until the client goes away, is silent for some seconds between two, breaks a rule (400,
// then the end), or `stop_event` becomes readable between two requests. `answer` must not throw.
// What it left of a body is read over, or the connection ended where that is much.
void serve_connection(ConnectionStream& stream, const base::Fd& stop_event,
                      const std::function<ServerResponse(const ServerRequest&)>& answer);

}  // namespace slipway::registry
