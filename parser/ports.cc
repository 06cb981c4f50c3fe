#include "parser/ports.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "parser/quoting.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  int size() const { return last - first; }
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return port;
}

std::optional<Range> parse_range(std::string_view text) {
  std::size_t dash = text.find('-');
  std::optional<std::uint16_t> first = parse_port(text.substr(0, dash));
  std::optional<std::uint16_t> last =
      dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *last < *first) {
    return std::nullopt;
  }
  return Range{*first, *last};
}

bool is_address(std::string_view text) {
  std::string address(text);
  unsigned char bytes[16];
  return inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

// `address:host:container`, cut at the last two colons.
struct Parts {
  std::string_view address;
  std::string_view host;
  std::string_view container;
};

Parts split_parts(std::string_view text) {
  Parts parts;
  std::size_t last = text.rfind(':');
  if (last == std::string_view::npos) {
    parts.container = text;
    return parts;
  }
  parts.container = text.substr(last + 1);
  text = text.substr(0, last);
  std::size_t before = text.rfind(':');
  if (before == std::string_view::npos) {
    parts.host = text;
    return parts;
  }
  parts.host = text.substr(before + 1);
  parts.address = text.substr(0, before);
  if (parts.address.starts_with('[') && parts.address.ends_with(']')) {
    parts.address = parts.address.substr(1, parts.address.size() - 2);
  }
  return parts;
}

}  // namespace

std::expected<ExposedPorts, std::string> parse_exposed_ports(std::string_view text) {
  auto failed = [](std::string message) { return std::unexpected(std::move(message)); };
  Parts parts = split_parts(text);
  std::size_t slash = parts.container.find('/');
  std::string_view port = parts.container.substr(0, slash);
  std::string_view written =
      slash == std::string_view::npos ? std::string_view() : parts.container.substr(slash + 1);
  std::string protocol = written.empty() ? "tcp" : lower_ascii(written);
  if (port.empty()) {
    return failed("invalid port: " + quote_text(text) + ": no port specified");
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return failed("invalid port: " + quote_text(text) + ": invalid proto: " + std::string(written));
  }
  if (!parts.address.empty() && !is_address(parts.address)) {
    return failed("invalid IP address: " + std::string(parts.address));
  }
  std::optional<Range> container = parse_range(port);
  if (!container) {
    return failed("invalid containerPort: " + std::string(port));
  }
  if (!parts.host.empty()) {
    std::optional<Range> host = parse_range(parts.host);
    if (!host) {
      return failed("invalid hostPort: " + std::string(parts.host));
    }
    if (container->size() != host->size() && container->size() != 0) {
      return failed("invalid ranges specified for container and host Ports: " + std::string(port) +
                    " and " + std::string(parts.host));
    }
  }
  ExposedPorts exposed{.has_host_part = !parts.address.empty() || !parts.host.empty(),
                       .protocol_not_lower_case = !written.empty() && written != protocol};
  for (int number = container->first; number <= container->last; ++number) {
    exposed.ports.push_back(std::to_string(number) + "/" + protocol);
  }
  return exposed;
}

}  // namespace slipway::parser
