#pragma once

#include <string>
#include <string_view>

#include "builder/sandbox/spec.h"

namespace slipway::builder {

// The machine's /etc/resolv.conf, `text`, for a step behind `network`: name servers on the loopback
// can't be reached from there, and the network's own takes their place.
std::string resolv_conf_behind(const UserNetwork& network, std::string_view text);

}  // namespace slipway::builder
