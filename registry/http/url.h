#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::registry {

// An absolute http or https URL. Of RFC 3986 what registries and token servers need: no fragment is
// kept, and user information is refused (credentials in URLs end up in logs).
struct Url {
  bool tls = true;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::uint16_t port = 443;
  std::string target = "/";  // path and query as sent, percent-encoded

  // Nothing for what is no such URL, or has control characters or spaces in it.
  static std::optional<Url> parse(std::string_view text);

  // RFC 3986 section 5.2: what a Location header means, seen from this URL.
  std::optional<Url> resolve(std::string_view location) const;
  // Adds "name=value" (encoded) to the query.
  void add_query(std::string_view name, std::string_view value);

  std::string text() const;
  // "host:port" as in a Host header: without the port where it is the scheme's own.
  std::string authority() const;
  // For messages: without the query, which may hold signatures.
  std::string display() const;
  // The place that credentials belong to: scheme, host and port.
  bool same_origin(const Url& other) const {
    return tls == other.tls && host == other.host && port == other.port;
  }

  friend bool operator==(const Url&, const Url&) = default;
};

// "host", "host:port", "[::1]:5000" taken apart; the port is empty where there is none.
struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;
};
std::optional<HostPort> parse_host_port(std::string_view text);

// 127.0.0.0/8, ::1, localhost and names below it.
bool is_loopback(std::string_view host);
// Whether `pattern` (host, host:port, or CIDR such as 10.0.0.0/8) names the host.
bool host_matches(std::string_view host, std::uint16_t port, std::string_view pattern);

// Whether NO_PROXY says to go there directly, as Go's clients read it: entries with commas between,
// each "*", a network (10.0.0.0/8), an address or a host, either with a port; a host stands also
// for all below it, and only for those where it begins with a dot (or "*.").
bool bypasses_proxy(const Url& url, std::string_view no_proxy);

// Of which hosts certificates count: of all but loopback ones and those that are listed, or what
// somebody said for all (--tls-verify).
enum class TlsVerify { kUnlessListed, kAlways, kNever };
// Whether the host may be reached with a certificate that can't be verified, or without TLS.
bool may_be_insecure(const Url& url, const std::vector<std::string>& listed, TlsVerify verify);

}  // namespace slipway::registry
