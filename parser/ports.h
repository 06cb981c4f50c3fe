#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::parser {

// One argument of EXPOSE after expansion: `[ip:][hostport:]port[-port][/proto]`.
struct ExposedPorts {
  std::vector<std::string> ports;  // "80/tcp", one per port of the range, ascending
  bool has_host_part = false;      // an address or host port was given (and is ignored)
  bool protocol_not_lower_case = false;
};

// Errors: «invalid port: "<raw>": no port specified», «invalid containerPort: <p>», and the others
// of language reference section 8.
std::expected<ExposedPorts, std::string> parse_exposed_ports(std::string_view text);

}  // namespace slipway::parser
