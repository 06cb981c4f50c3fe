#include "registry/oci/platform.h"

#include <gtest/gtest.h>

#include "registry/oci/index.h"
#include "registry/oci/media_types.h"

namespace slipway::registry {
namespace {

std::string parsed(std::string_view text) {
  auto platform = parse_platform(text);
  return platform ? platform->text() : "error: " + platform.error();
}

TEST(Platform, OtherNamesBecomeGoNames) {
  EXPECT_EQ(parsed("linux/x86_64"), "linux/amd64");
  EXPECT_EQ(parsed("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(parsed("linux/amd64/v3"), "linux/amd64/v3");
  EXPECT_EQ(parsed("linux/aarch64"), "linux/arm64");
  EXPECT_EQ(parsed("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(parsed("linux/arm"), "linux/arm/v7");
  EXPECT_EQ(parsed("linux/arm/6"), "linux/arm/v6");
  EXPECT_EQ(parsed("linux/armhf"), "linux/arm/v7");
  EXPECT_EQ(parsed("Linux/AMD64"), "linux/amd64");
  EXPECT_EQ(parsed("macos/arm64"), "darwin/arm64");
}

TEST(Platform, MissingPartIsTheHosts) {
  EXPECT_EQ(parsed("linux"), host_platform().text());
  EXPECT_EQ(parsed("s390x"), "linux/s390x");
}

TEST(Platform, WindowsVersionStandsInBrackets) {
  auto platform = parse_platform("windows(10.0.17763)/amd64").value();
  EXPECT_EQ(platform.os, "windows");
  EXPECT_EQ(platform.os_version, "10.0.17763");
}

TEST(Platform, ErrorsNameTheText) {
  EXPECT_EQ(parsed("bogus"), "error: platform \"bogus\": unknown operating system or architecture");
  EXPECT_EQ(parsed("a/b/c/d"), "error: platform \"a/b/c/d\": more than os/architecture/variant");
  EXPECT_EQ(parsed("linux/am d64").substr(0, 31), "error: platform \"linux/am d64\":");
  EXPECT_EQ(parsed("").substr(0, 6), "error:");
  EXPECT_EQ(parsed("linux/").substr(0, 6), "error:");
}

bool fits(std::string_view offered, std::string_view wanted) {
  return runs_on(parse_platform(offered).value(), parse_platform(wanted).value());
}

TEST(Platform, LowerVariantsRunOnHigherProcessors) {
  EXPECT_TRUE(fits("linux/amd64", "linux/amd64/v3"));
  EXPECT_FALSE(fits("linux/amd64/v3", "linux/amd64"));
  EXPECT_TRUE(fits("linux/arm/v6", "linux/arm/v7"));
  EXPECT_FALSE(fits("linux/arm/v7", "linux/arm/v6"));
  EXPECT_TRUE(fits("linux/386", "linux/amd64"));
  EXPECT_TRUE(fits("linux/arm/v7", "linux/arm64"));
  EXPECT_FALSE(fits("linux/arm64", "linux/amd64"));
  EXPECT_FALSE(fits("windows/amd64", "linux/amd64"));
}

Descriptor entry(std::string_view platform, char digit) {
  return {.media_type = std::string(media_types::kOciManifest),
          .digest = base::Digest::from_sha256_hex(std::string(64, digit)),
          .size = 1,
          .platform = parse_platform(platform).value()};
}

char chosen(const Index& index, std::string_view platform) {
  const Descriptor* found = find_platform(index, parse_platform(platform).value());
  return found == nullptr ? '-' : found->digest.hex().front();
}

TEST(FindPlatform, ExactBeatsFallbackAndFirstBeatsLater) {
  Index index{.manifests = {entry("linux/386", '1'), entry("linux/amd64", '2'),
                            entry("linux/amd64", '3'), entry("linux/arm/v6", '4')}};
  EXPECT_EQ(chosen(index, "linux/amd64"), '2');
  EXPECT_EQ(chosen(index, "linux/386"), '1');
  EXPECT_EQ(chosen(index, "linux/arm/v7"), '4');
  EXPECT_EQ(chosen(index, "linux/s390x"), '-');
}

TEST(FindPlatform, AttestationsAreNoImages) {
  Descriptor attestation = entry("linux/amd64", '1');
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  Descriptor unknown = entry("unknown/unknown", '2');
  Descriptor image = entry("linux/amd64", '3');
  EXPECT_EQ(chosen({.manifests = {attestation, unknown, image}}, "linux/amd64"), '3');
  EXPECT_EQ(chosen({.manifests = {attestation, unknown}}, "linux/amd64"), '-');
}

TEST(FindPlatform, OnlyImageWithoutAPlatformDoesForAny) {
  Descriptor plain = entry("linux/amd64", '1');
  plain.platform.reset();
  EXPECT_EQ(chosen({.manifests = {plain}}, "linux/s390x"), '1');
  EXPECT_EQ(chosen({.manifests = {plain, plain}}, "linux/s390x"), '-');
}

}  // namespace
}  // namespace slipway::registry
