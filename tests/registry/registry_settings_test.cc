#include "registry/registry_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RegistrySettings settings_of(std::string_view text) {
  RegistrySettings settings;
  add_registries_conf(settings, text, "registries.conf");
  return settings;
}

constexpr std::string_view kExample = R"(
unqualified-search-registries = ["docker.io", 'quay.io'] # not for us
short-name-mode = "enforcing"

[aliases]
"fedora" = "registry.fedoraproject.org/fedora"

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/team"
location = "inside.example/team-images"

[[registry]]
prefix = "*.bad.example"
blocked = true
)";

TEST(RegistrySettings, RulesAreRead) {
  RegistrySettings settings = settings_of(kExample);
  ASSERT_EQ(settings.rules.size(), 3U);
  const RegistryRule& hub = settings.rules[0];
  EXPECT_EQ(hub.location, "docker.io");
  ASSERT_EQ(hub.mirrors.size(), 2U);
  EXPECT_EQ(hub.mirrors[0].location, "mirror.example:5000/hub");
  EXPECT_EQ(hub.mirrors[1].pulls, RegistryMirror::Pulls::kDigestOnly);
  EXPECT_TRUE(settings.rules[2].blocked);
  EXPECT_THAT(insecure_hosts(settings), ElementsAre("mirror.example:5000"));
}

// What becomes of a name: "none" without a rule.
std::string located(std::string_view text, std::string_view name) {
  RegistrySettings settings = settings_of(text);
  const RegistryRule* rule = find_rule(settings, name);
  return rule == nullptr
             ? "none"
             : base::cat(rule->blocked ? "blocked " : "", relocated(*rule, rule->location, name));
}

TEST(RegistrySettings, TheLongestPrefixOfWholePartsCounts) {
  EXPECT_EQ(located(kExample, "docker.io/library/alpine"), "docker.io/library/alpine");
  EXPECT_EQ(located(kExample, "docker.io/team/app"), "inside.example/team-images/app");
  EXPECT_EQ(located(kExample, "docker.io/teams/app"), "docker.io/teams/app");
  EXPECT_EQ(located(kExample, "docker.io.example/app"), "none");
  EXPECT_EQ(located(kExample, "quay.io/app"), "none");
}

TEST(RegistrySettings, AStarStandsForHostsBelow) {
  EXPECT_EQ(located(kExample, "a.bad.example/app"), "blocked a.bad.example/app");
  EXPECT_EQ(located(kExample, "a.b.bad.example:5000/app"), "blocked a.b.bad.example:5000/app");
  EXPECT_EQ(located(kExample, "bad.example/app"), "none");
  EXPECT_EQ(located("[[registry]]\nprefix = '*.x.io'\nlocation = 'y.io'", "a.x.io/b"), "y.io/b");
}

TEST(RegistrySettings, MirrorByDigestOnlyIsForAllMirrors) {
  RegistrySettings settings = settings_of(
      "[[registry]]\nlocation = \"r.io\"\nmirror-by-digest-only = true\n"
      "[[registry.mirror]]\nlocation = \"m.io\"\n");
  EXPECT_EQ(settings.rules.at(0).mirrors.at(0).pulls, RegistryMirror::Pulls::kDigestOnly);
  EXPECT_EQ(settings.rules.at(0).prefix, "r.io");
}

TEST(RegistrySettings, ALaterFileReplacesARule) {
  RegistrySettings settings = settings_of("[[registry]]\nprefix = 'a.io'\nlocation = 'b.io'");
  add_registries_conf(settings, "[[registry]]\nprefix = 'a.io'\nlocation = 'c.io'", "more.conf");
  ASSERT_EQ(settings.rules.size(), 1U);
  EXPECT_EQ(settings.rules[0].location, "c.io");
}

TEST(RegistrySettings, AnAliasStandsForAShortName) {
  RegistrySettings settings = settings_of(kExample);
  auto meant = [&](std::string_view text) { return find_alias(settings, text).value_or("none"); };
  std::string digest = base::cat("@sha256:", std::string(64, 'a'));
  EXPECT_EQ(meant("fedora"), "registry.fedoraproject.org/fedora");
  EXPECT_EQ(meant("fedora:40"), "registry.fedoraproject.org/fedora:40");
  EXPECT_EQ(meant("fedora" + digest), "registry.fedoraproject.org/fedora" + digest);
  EXPECT_EQ(meant("fedora:40" + digest), "registry.fedoraproject.org/fedora:40" + digest);
  EXPECT_EQ(meant("fedora/fedora"), "none");
  EXPECT_EQ(meant("docker.io/library/fedora"), "none");
  EXPECT_EQ(meant("localhost:5000/fedora"), "none");
  EXPECT_EQ(meant("alpine"), "none");
}

TEST(RegistrySettings, ALaterFileReplacesOrRemovesAnAlias) {
  RegistrySettings settings = settings_of("[aliases]\n'my/a' = 'a.io/a'\nb = 'b.io/b'");
  add_registries_conf(settings, "[aliases]\n'my/a' = 'c.io:1/a'\nb = ''", "more.conf");
  EXPECT_EQ(find_alias(settings, "my/a:1"), "c.io:1/a:1");
  EXPECT_EQ(find_alias(settings, "b"), std::nullopt);
}

std::string error_of(std::string_view text) {
  try {
    settings_of(text);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInput);
    return error.message();
  }
  return "no error";
}

TEST(RegistrySettings, ErrorsNameTheLine) {
  EXPECT_EQ(error_of("a = 1\nb = \"x"), "registries.conf, line 2: a string does not end");
  EXPECT_THAT(error_of("\n\na = maybe"), HasSubstr("line 3: expected a string"));
  EXPECT_THAT(error_of("a = 1 b = 2"), HasSubstr("line 1: more than one thing"));
  EXPECT_THAT(error_of("a = [\"x\""), HasSubstr("expected a comma or the end"));
  EXPECT_THAT(error_of("[[registry]\n"), HasSubstr("line 1: expected \"]]\""));
  EXPECT_THAT(error_of("[[registry]]\nblocked = true"), HasSubstr("neither prefix nor location"));
  EXPECT_THAT(error_of("[[registry]]\nlocation = true"), HasSubstr("location is not a string"));
  EXPECT_THAT(error_of("[[registry]]\nlocation = 'a'\ninsecure = 'yes'"),
              HasSubstr("insecure is not true or false"));
  EXPECT_THAT(error_of("[aliases]\na = 'b'"), HasSubstr("alias \"a\" stands for \"b\", not for"));
  EXPECT_THAT(error_of("[aliases]\na = 'b.io/c:1'"), HasSubstr("not for a registry's repository"));
  EXPECT_THAT(error_of("[aliases]\n'a:1' = 'b.io/c'"), HasSubstr("is no short name without a tag"));
  EXPECT_THAT(error_of("[aliases]\n'x.io/a' = 'b.io/c'"), HasSubstr("is no short name"));
  EXPECT_THAT(error_of("[aliases]\na = 'b.io/c'\na = 'b.io/d'"), HasSubstr("is there twice"));
  EXPECT_THAT(error_of("[aliases]\na = true"), HasSubstr("a is not a string"));
}

TEST(RegistrySettings, DaemonJsonHasMirrorsOfTheHub) {
  RegistrySettings settings;
  add_daemon_json(settings,
                  R"({"registry-mirrors":["https://m.example"],"insecure-registries":["10.0.0.0/8"],
                      "debug":true})",
                  "daemon.json");
  EXPECT_THAT(settings.hub_mirrors, ElementsAre("https://m.example"));
  EXPECT_THAT(settings.insecure, ElementsAre("10.0.0.0/8"));
  EXPECT_THROW(add_daemon_json(settings, R"({"registry-mirrors":"x"})", "d"), base::Error);
  EXPECT_THROW(add_daemon_json(settings, "[]", "d"), base::Error);
}

}  // namespace
}  // namespace slipway::registry
