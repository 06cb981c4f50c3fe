#include "registry/oci/reference.h"

#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'f');

std::string canonical(std::string_view text) {
  auto reference = Reference::parse(text);
  return reference ? reference->canonical() : "error: " + reference.error();
}

TEST(Reference, FillsInDomainAndLibrary) {
  EXPECT_EQ(canonical("alpine"), "docker.io/library/alpine");
  EXPECT_EQ(canonical("user/app:1"), "docker.io/user/app:1");
  EXPECT_EQ(canonical("index.docker.io/alpine"), "docker.io/library/alpine");
  EXPECT_EQ(canonical("localhost/app"), "localhost/app");
  EXPECT_EQ(canonical("[::1]:5000/a"), "[::1]:5000/a");
}

TEST(Reference, ColonWithoutSlashIsATagNotAPort) {
  EXPECT_EQ(canonical("host:5000"), "docker.io/library/host:5000");
  EXPECT_EQ(canonical("host:5000/a"), "host:5000/a");
}

TEST(Reference, UppercaseInThePathIsNamedAsSuch) {
  EXPECT_EQ(canonical("Docker/docker"), "Docker/docker");
  EXPECT_EQ(canonical("docker/Docker"),
            "error: invalid reference format: repository name (docker/Docker) must be lowercase");
}

TEST(Reference, SeparatorsInAPath) {
  for (std::string_view good : {"a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c"}) {
    EXPECT_EQ(canonical(good).substr(0, 9), "docker.io") << good;
  }
  for (std::string_view bad : {"a___b", "a._b", "a..b", "-a", "a-", "_a", "a/", "a//b", "/a", " a",
                               "a\n", "http://a/b", "", "a:", "a@", "a:b:c"}) {
    EXPECT_EQ(canonical(bad), "error: invalid reference format") << bad;
  }
}

TEST(Reference, PullDropsTheTagBesideADigest) {
  auto both = Reference::parse("app:1@" + kDigest).value();
  EXPECT_EQ(both.familiar(), "app:1@" + kDigest);
  EXPECT_EQ(both.for_pull().familiar(), "app@" + kDigest);
  EXPECT_EQ(Reference::parse("app").value().for_pull().familiar(), "app:latest");
}

TEST(Reference, LibraryWithASecondPartKeepsItsPrefix) {
  EXPECT_EQ(Reference::parse("docker.io/library/a/b").value().familiar(), "library/a/b");
}

TEST(Reference, IdIsSixtyFourDigits) {
  std::string hex(64, 'a');
  EXPECT_EQ(find_image_id(hex)->text(), "sha256:" + hex);
  EXPECT_EQ(find_image_id("sha256:" + hex)->text(), "sha256:" + hex);
  EXPECT_FALSE(find_image_id(hex.substr(1)).has_value());
  EXPECT_FALSE(find_image_id(std::string(64, 'A')).has_value());
}

void check_match(std::string_view pattern, std::string_view name, bool expected) {
  auto matched = familiar_match(pattern, Reference::parse(name).value());
  ASSERT_TRUE(matched.has_value()) << pattern;
  EXPECT_EQ(*matched, expected) << pattern << " on " << name;
}

TEST(Reference, FilterPatternsDoNotCrossSlashes) {
  check_match("al*", "alpine:3", true);
  check_match("*:3", "alpine:3", true);
  check_match("*", "user/app", false);
  check_match("*/*", "user/app", true);
  check_match("a?pine", "alpine", true);
  check_match("[a-c]lpine", "alpine", true);
  check_match("[^a-c]lpine", "alpine", false);
  check_match("*a*a*a*a*b", std::string(200, 'a'), false);
}

TEST(Reference, MalformedFilterPatternIsAnError) {
  EXPECT_FALSE(familiar_match("[a", Reference::parse("alpine").value()).has_value());
  EXPECT_FALSE(familiar_match("alpine\\", Reference::parse("alpinex").value()).has_value());
}

}  // namespace
}  // namespace slipway::registry
