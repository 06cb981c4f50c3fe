#include "registry/oci/platform.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace slipway::registry
