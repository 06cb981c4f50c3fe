#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::registry {

// Another place that has the same repositories.
struct RegistryMirror {
  enum class Pulls { kAll, kDigestOnly, kTagOnly };
  std::string location;  // "host[:port][/path]"
  bool insecure = false;
  Pulls pulls = Pulls::kAll;
  friend bool operator==(const RegistryMirror&, const RegistryMirror&) = default;
};

// What is said of all names that begin with a prefix: [[registry]] of registries.conf.
struct RegistryRule {
  std::string prefix;    // "host[:port][/path]", or "*.example.com"
  std::string location;  // stands in for the prefix; for "*.…" it may be empty: nothing does
  bool insecure = false;
  bool blocked = false;
  std::vector<RegistryMirror> mirrors;  // asked before the location, for pulls
  friend bool operator==(const RegistryRule&, const RegistryRule&) = default;
};

// The administrator's word on registries.
struct RegistrySettings {
  std::vector<RegistryRule> rules;
  std::vector<std::string> hub_mirrors;  // base URLs, of daemon.json
  std::vector<std::string> insecure;     // host, host:port or CIDR
  // [aliases]: short names ("fedora") and the repositories that they stand for.
  std::map<std::string, std::string> aliases;
};

// containers-registries.conf(5), version 2, as podman and skopeo read it; podman's file
// short-name-aliases.conf has the same form. unqualified-search-registries is read over: short
// names without an alias are Docker's. Adds to `settings`; a rule for a prefix that is there
// already replaces it, and so does an alias (an empty one removes it). kInput naming `what`, and
// the line of text that is no such file.
void add_registries_conf(RegistrySettings& settings, std::string_view text, std::string_view what);
// registry-mirrors and insecure-registries of Docker's daemon.json.
void add_daemon_json(RegistrySettings& settings, std::string_view text, std::string_view what);

// The rule with the longest prefix of "host[:port]/path"; null if there is none.
const RegistryRule* find_rule(const RegistrySettings& settings, std::string_view name);
// The name with the rule's prefix replaced by a location (or a mirror's).
std::string relocated(const RegistryRule& rule, std::string_view location, std::string_view name);

// What an image's name as it was typed stands for, with its tag and digest: "fedora:40" is
// "registry.fedoraproject.org/fedora:40". Nothing for names with a registry in them and for short
// ones without an alias.
std::optional<std::string> find_alias(const RegistrySettings& settings, std::string_view text);

// Every host that the settings call insecure.
std::vector<std::string> insecure_hosts(const RegistrySettings& settings);

}  // namespace slipway::registry
