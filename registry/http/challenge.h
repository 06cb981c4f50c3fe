#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/message.h"

namespace slipway::registry {

// One challenge of WWW-Authenticate (RFC 9110 section 11): a scheme and its parameters.
struct Challenge {
  std::string scheme;                             // lower case: "basic", "bearer"
  std::map<std::string, std::string> parameters;  // names in lower case
  friend bool operator==(const Challenge&, const Challenge&) = default;

  std::string_view parameter(std::string_view name) const;
};

// Every challenge of every such header. Never throws: what can't be read is left out.
std::vector<Challenge> parse_challenges(std::string_view header);
std::vector<Challenge> challenges_of(const Headers& headers);

// "repository:library/alpine:pull,push": what a token allows.
struct Scope {
  std::string type = "repository";
  std::string name;
  std::vector<std::string> actions;  // sorted, no doubles
  friend auto operator<=>(const Scope&, const Scope&) = default;

  std::string text() const;
  static std::optional<Scope> parse(std::string_view text);
};
Scope repository_scope(std::string_view path, std::vector<std::string> actions);

}  // namespace slipway::registry
