#include "registry/http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace slipway::registry {

namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
// Signed storage URLs have two or three KiB.
constexpr std::size_t kUrlLengthMax = 32 * 1024;

std::uint16_t default_port(bool tls) {
  return tls ? kHttpsPort : kHttpPort;
}

bool is_clean(std::string_view text) {
  return text.size() <= kUrlLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

bool is_host_text(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == ':';
  });
}

std::string_view without_fragment(std::string_view text) {
  return text.substr(0, text.find('#'));
}

// RFC 3986 section 5.2.4 on the path of "path?query".
std::string remove_dot_segments(std::string_view target) {
  std::size_t question = std::min(target.find('?'), target.size());
  std::vector<std::string_view> parts;
  bool ends_as_directory = false;
  for (std::string_view part : base::split(target.substr(1, question - 1), '/')) {
    ends_as_directory = part == "." || part == "..";
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    }
    if (!ends_as_directory) {
      parts.push_back(part);
    }
  }
  std::string result;
  for (std::string_view part : parts) {
    result += '/';
    result += part;
  }
  if (ends_as_directory || result.empty()) {
    result += '/';
  }
  result += target.substr(question);
  return result;
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  std::size_t bits = 0;  // 32 or 128; 0 if the text is no address
};

Address parse_address(std::string_view text) {
  Address address;
  std::string copy(text);
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
  } else if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) {
    address.bits = 128;
  }
  return address;
}

bool in_network(std::string_view host, std::string_view network, std::string_view prefix_text) {
  Address address = parse_address(host);
  Address base_address = parse_address(network);
  std::optional<unsigned> prefix = base::parse_integer<unsigned>(prefix_text);
  if (address.bits == 0 || address.bits != base_address.bits || !prefix || *prefix > address.bits) {
    return false;
  }
  for (unsigned bit = 0; bit < *prefix; ++bit) {
    unsigned mask = 0x80U >> (bit % 8);
    if (((address.bytes[bit / 8] ^ base_address.bytes[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  HostPort result;
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return std::nullopt;
    }
    result.host = base::to_lower_ascii(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (parse_address(result.host).bits != 128) {
      return std::nullopt;
    }
  } else {
    std::size_t colon = std::min(text.find(':'), text.size());
    result.host = base::to_lower_ascii(text.substr(0, colon));
    text.remove_prefix(colon);
    if (result.host.contains(':')) {
      return std::nullopt;
    }
  }
  if (text.starts_with(':')) {
    result.port = base::parse_integer<std::uint16_t>(text.substr(1));
    if (!result.port) {
      return std::nullopt;
    }
  } else if (!text.empty()) {
    return std::nullopt;
  }
  return is_host_text(result.host) ? std::optional(result) : std::nullopt;
}

std::optional<Url> Url::parse(std::string_view text) {
  if (!is_clean(text)) {
    return std::nullopt;
  }
  auto scheme = base::split_once(text, ':');
  if (!scheme || !scheme->after.starts_with("//")) {
    return std::nullopt;
  }
  Url url;
  url.tls = base::equal_ignoring_case(scheme->before, "https");
  if (!url.tls && !base::equal_ignoring_case(scheme->before, "http")) {
    return std::nullopt;
  }
  std::string_view rest = without_fragment(scheme->after.substr(2));
  std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  auto host_port = parse_host_port(rest.substr(0, end));
  if (!host_port) {
    return std::nullopt;
  }
  url.host = std::move(host_port->host);
  url.port = host_port->port.value_or(default_port(url.tls));
  std::string_view target = rest.substr(end);
  url.target = target.starts_with('/') ? std::string(target) : base::cat('/', target);
  return url;
}

std::optional<Url> Url::resolve(std::string_view location) const {
  location = without_fragment(location);
  if (!is_clean(location)) {
    return std::nullopt;
  }
  std::size_t colon = location.find(':');
  if (colon != std::string_view::npos && colon < location.find_first_of("/?")) {
    return parse(location);
  }
  if (location.starts_with("//")) {
    return parse(base::cat(tls ? "https:" : "http:", location));
  }
  Url result = *this;
  if (location.starts_with('/')) {
    result.target = remove_dot_segments(location);
    return result;
  }
  std::string_view path = std::string_view(target).substr(0, target.find('?'));
  if (location.empty() || location.starts_with('?')) {
    result.target = location.empty() ? target : base::cat(path, location);
    return result;
  }
  std::string_view directory = path.substr(0, path.rfind('/') + 1);
  result.target = remove_dot_segments(base::cat(directory, location));
  return result;
}

void Url::add_query(std::string_view name, std::string_view value) {
  target += target.contains('?') ? '&' : '?';
  target += base::percent_encode(name);
  target += '=';
  // RFC 3986 section 3.4 lets these stand in a query, and "sha256:…" stays readable.
  target += base::percent_encode(value, ":/,");
}

std::string Url::authority() const {
  std::string result = host.contains(':') ? base::cat('[', host, ']') : host;
  if (port != default_port(tls)) {
    result += base::cat(':', port);
  }
  return result;
}

std::string Url::text() const {
  return base::cat(tls ? "https://" : "http://", authority(), target);
}

std::string Url::display() const {
  return base::cat(tls ? "https://" : "http://", authority(),
                   std::string_view(target).substr(0, target.find('?')));
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") ||
         in_network(host, "127.0.0.0", "8") || in_network(host, "::1", "128");
}

bool host_matches(std::string_view host, std::uint16_t port, std::string_view pattern) {
  if (auto network = base::split_once(pattern, '/')) {
    return in_network(host, network->before, network->after);
  }
  auto wanted = parse_host_port(pattern);
  return wanted && wanted->host == host && (!wanted->port || *wanted->port == port);
}

namespace {

// One entry of NO_PROXY.
bool is_direct(const Url& url, std::string_view entry) {
  if (entry == "*" || host_matches(url.host, url.port, entry)) {
    return true;
  }
  bool below_only = entry.starts_with("*.") || entry.starts_with('.');
  if (below_only) {
    entry.remove_prefix(entry.find('.') + 1);
  }
  auto wanted = parse_host_port(entry);
  return wanted && (!wanted->port || *wanted->port == url.port) &&
         url.host.ends_with(base::cat('.', wanted->host));
}

}  // namespace

bool bypasses_proxy(const Url& url, std::string_view no_proxy) {
  std::vector<std::string_view> entries = base::split(no_proxy, ',');
  return std::ranges::any_of(
      entries, [&](std::string_view entry) { return is_direct(url, base::trim(entry)); });
}

bool may_be_insecure(const Url& url, const std::vector<std::string>& listed, TlsVerify verify) {
  if (verify != TlsVerify::kUnlessListed) {
    return verify == TlsVerify::kNever;
  }
  return is_loopback(url.host) ||
         std::any_of(listed.begin(), listed.end(), [&](const auto& pattern) {
           return host_matches(url.host, url.port, pattern);
         });
}

}  // namespace slipway::registry
