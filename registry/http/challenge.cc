#include "registry/http/challenge.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::registry {

namespace {

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

void skip_space(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

void skip_commas(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t,"), text.size()));
}

std::string_view take_token(std::string_view& text) {
  auto end = std::find_if_not(text.begin(), text.end(), is_token_character);
  std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(token.size());
  return token;
}

// A quoted string with its escapes undone; one that is not closed goes to the end.
std::string take_quoted(std::string_view& text) {
  std::string value;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) {
      text.remove_prefix(1);
    }
    value += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) {
    text.remove_prefix(1);
  }
  return value;
}

// "name = value" at the front: the text moves behind it. Nothing (and nothing moves) where the next
// word begins another challenge.
std::optional<std::pair<std::string, std::string>> take_parameter(std::string_view& text) {
  std::string_view rest = text;
  std::string_view name = take_token(rest);
  skip_space(rest);
  if (name.empty() || !rest.starts_with('=')) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  skip_space(rest);
  std::string value;
  if (rest.starts_with('"')) {
    value = take_quoted(rest);
  } else {
    // Not only token characters: some registries forget the quotes around a URL.
    value = rest.substr(0, rest.find_first_of(", \t"));
    rest.remove_prefix(value.size());
  }
  text = rest;
  return std::pair(base::to_lower_ascii(name), std::move(value));
}

}  // namespace

std::string_view Challenge::parameter(std::string_view name) const {
  auto found = parameters.find(std::string(name));
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  skip_commas(header);
  while (!header.empty()) {
    std::string_view scheme = take_token(header);
    if (scheme.empty()) {
      // Nothing that a challenge may begin with: go on behind the next comma.
      header.remove_prefix(std::min(header.find(','), header.size()));
      skip_commas(header);
      continue;
    }
    Challenge challenge{.scheme = base::to_lower_ascii(scheme)};
    skip_commas(header);
    while (auto parameter = take_parameter(header)) {
      challenge.parameters.insert(*std::move(parameter));
      skip_commas(header);
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

std::vector<Challenge> challenges_of(const Headers& headers) {
  std::vector<Challenge> all;
  for (std::string_view header : headers.find_all("WWW-Authenticate")) {
    for (Challenge& challenge : parse_challenges(header)) {
      all.push_back(std::move(challenge));
    }
  }
  return all;
}

std::string Scope::text() const {
  return base::cat(type, ':', name, ':', base::join(actions, ","));
}

std::optional<Scope> Scope::parse(std::string_view text) {
  // The name may have a colon (a registry's host and port), so the ends are cut off first.
  std::size_t first = text.find(':');
  std::size_t last = text.rfind(':');
  if (first == std::string_view::npos || first == last) {
    return std::nullopt;
  }
  Scope scope{.type = std::string(text.substr(0, first)),
              .name = std::string(text.substr(first + 1, last - first - 1))};
  for (std::string_view action : base::split(text.substr(last + 1), ',')) {
    scope.actions.emplace_back(action);
  }
  std::sort(scope.actions.begin(), scope.actions.end());
  scope.actions.erase(std::unique(scope.actions.begin(), scope.actions.end()), scope.actions.end());
  return scope;
}

Scope repository_scope(std::string_view path, std::vector<std::string> actions) {
  std::sort(actions.begin(), actions.end());
  return {.type = "repository", .name = std::string(path), .actions = std::move(actions)};
}

}  // namespace slipway::registry
