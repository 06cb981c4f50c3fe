#include "builder/attest/package.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

// A value of os-release with its shell quotes taken off.
std::string unquoted(std::string_view value) {
  value = base::trim(value);
  bool has_quotes = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                    value.back() == value.front();
  if (has_quotes) {
    value = value.substr(1, value.size() - 2);
  }
  return std::string(value.substr(0, kPackageFieldBytesMax));
}

// PEP 503, without merging runs: what the specification of the type asks for.
std::string python_name(std::string_view name) {
  std::string lower = base::to_lower_ascii(name);
  std::replace(lower.begin(), lower.end(), '_', '-');
  return lower;
}

// "type/namespace/name" of a package.
std::string path_of(const Package& package, const Distribution& distribution) {
  std::string space = distribution.id.empty() ? "" : cat(purl_encode(distribution.id), "/");
  switch (package.kind) {
    case PackageKind::kDebian:
      return cat("deb/", space, purl_encode(base::to_lower_ascii(package.name)));
    case PackageKind::kAlpine:
      return cat("apk/", space, purl_encode(base::to_lower_ascii(package.name)));
    case PackageKind::kRpm:
      return cat("rpm/", space, purl_encode(package.name));
    case PackageKind::kNpm: {
      auto scoped = base::split_once(package.name, '/');
      return scoped ? cat("npm/", purl_encode(scoped->before), "/", purl_encode(scoped->after))
                    : cat("npm/", purl_encode(package.name));
    }
    case PackageKind::kPython:
      return cat("pypi/", purl_encode(python_name(package.name)));
  }
  return {};
}

}  // namespace

std::string purl_encode(std::string_view text, std::string_view keep) {
  std::string encoded = base::percent_encode(text, cat(":", keep));
  // RFC 3986, 2.1: upper-case digits, so that equal URLs are equal texts.
  for (std::size_t i = encoded.find('%'); i != std::string::npos; i = encoded.find('%', i + 1)) {
    for (std::size_t digit = i + 1; digit <= i + 2; ++digit) {
      char c = encoded[digit];
      encoded[digit] = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return encoded;
}

Distribution parse_os_release(std::string_view text) {
  Distribution found;
  for (std::string_view line : base::split(text, '\n')) {
    auto pair = base::split_once(line, '=');
    if (pair && base::trim(pair->before) == "ID") {
      found.id = base::to_lower_ascii(unquoted(pair->after));
    } else if (pair && base::trim(pair->before) == "VERSION_ID") {
      found.version = unquoted(pair->after);
    }
  }
  return found;
}

std::string purl_of(const Package& package, const Distribution& distribution) {
  std::string purl = cat("pkg:", path_of(package, distribution));
  if (!package.version.empty()) {
    purl += cat("@", purl_encode(package.version));
  }
  std::vector<std::string> qualifiers;  // in the order of their names
  if (!package.architecture.empty()) {
    qualifiers.push_back(cat("arch=", purl_encode(package.architecture)));
  }
  bool is_of_distribution =
      package.kind != PackageKind::kNpm && package.kind != PackageKind::kPython;
  if (is_of_distribution && !distribution.id.empty()) {
    qualifiers.push_back(
        cat("distro=", purl_encode(distribution.id),
            distribution.version.empty() ? "" : cat("-", purl_encode(distribution.version))));
  }
  if (!package.epoch.empty()) {
    qualifiers.push_back(cat("epoch=", purl_encode(package.epoch)));
  }
  return qualifiers.empty() ? purl : cat(purl, "?", base::join(qualifiers, "&"));
}

std::string_view manager_of(PackageKind kind) {
  switch (kind) {
    case PackageKind::kDebian:
      return "dpkg";
    case PackageKind::kAlpine:
      return "apk";
    case PackageKind::kRpm:
      return "rpm";
    case PackageKind::kNpm:
      return "npm";
    case PackageKind::kPython:
      return "pip";
  }
  return {};
}

}  // namespace slipway::builder
