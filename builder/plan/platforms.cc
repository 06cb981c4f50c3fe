#include "builder/plan/platforms.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "parser/quoting.h"

namespace slipway::builder {

namespace {

using base::cat;
using parser::quote_text;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

// "windows(10.0.17763)" or "linux".
bool is_system(std::string_view part) {
  std::size_t open = part.find('(');
  std::string_view name = part.substr(0, open);
  if (name.empty() || !is_made_of(name, "_-")) {
    return false;
  }
  if (open == std::string_view::npos) {
    return true;
  }
  return part.ends_with(')') && is_made_of(part.substr(open + 1, part.size() - open - 2), "_.-");
}

std::string invalid(std::string text) {
  return cat(text, ": invalid argument");
}

std::optional<std::string> find_problem(std::string_view text,
                                        const std::vector<std::string_view>& parts) {
  if (text.find('*') != std::string_view::npos) {
    return invalid(cat(quote_text(text), ": wildcards not yet supported"));
  }
  if (!is_system(parts[0])) {
    return invalid(cat(quote_text(parts[0]), " is an invalid OS component of ", quote_text(text),
                       ": OSAndVersion specifier component must match ",
                       quote_text(R"(^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$)")));
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty() || !is_made_of(parts[i], "_.-")) {
      return invalid(cat(quote_text(parts[i]), " is an invalid component of ", quote_text(text),
                         ": platform specifier component must match ",
                         quote_text("^[A-Za-z0-9_.-]+$")));
    }
  }
  if (parts.size() > 3) {
    return invalid(cat(quote_text(text), ": cannot parse platform specifier"));
  }
  return std::nullopt;
}

}  // namespace

std::string platform_text(const registry::Platform& platform) {
  std::string text = platform.os;
  if (!platform.os_version.empty()) {
    text += cat('(', platform.os_version, ')');
  }
  text += cat('/', platform.architecture);
  if (!platform.variant.empty()) {
    text += cat('/', platform.variant);
  }
  return text;
}

std::expected<registry::Platform, std::string> parse_from_platform(std::string_view text) {
  std::vector<std::string_view> parts = base::split(text, '/');
  if (auto problem = find_problem(text, parts)) {
    return std::unexpected(std::move(*problem));
  }
  auto platform = registry::parse_platform(text);
  if (!platform && parts.size() == 1) {
    return std::unexpected(
        invalid(cat(quote_text(text), ": unknown operating system or architecture")));
  }
  return platform;
}

std::optional<registry::Platform> declared_platform(const Environment& variables) {
  if (auto whole = variables.find("TARGETPLATFORM")) {
    if (auto platform = registry::parse_platform(*whole)) {
      return *platform;
    }
  }
  auto os = variables.find("TARGETOS");
  auto architecture = variables.find("TARGETARCH");
  auto variant = variables.find("TARGETVARIANT");
  if (!os && !architecture && !variant) {
    return std::nullopt;
  }
  registry::Platform platform;
  platform.os = os.value_or("");
  platform.architecture = architecture.value_or("");
  platform.variant = variant.value_or("");
  return platform;
}

}  // namespace slipway::builder
