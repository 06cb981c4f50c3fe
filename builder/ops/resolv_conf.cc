#include "builder/ops/resolv_conf.h"

#include "base/text.h"
#include "registry/http/url.h"

namespace slipway::builder {

using base::cat;

std::string resolv_conf_behind(const UserNetwork& network, std::string_view text) {
  std::string result;
  bool has_server = false;
  for (std::string_view line : base::split(text, '\n')) {
    std::string_view words = base::trim(line);
    constexpr std::string_view kServer = "nameserver";
    bool names_server = words.starts_with(kServer);
    if (names_server && registry::is_loopback(base::trim(words.substr(kServer.size())))) {
      continue;
    }
    has_server = has_server || names_server;
    result += line.empty() ? std::string() : cat(line, "\n");
  }
  return has_server || network.name_server.empty()
             ? result
             : cat(result, "nameserver ", network.name_server, "\n");
}

}  // namespace slipway::builder
