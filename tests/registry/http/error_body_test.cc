#include "registry/http/error_body.h"

#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

TEST(RegistryWords, OfTheSpecifiedForm) {
  EXPECT_EQ(registry_words(R"({"errors":[{"code":"DENIED","message":"no access","detail":null}]})"),
            "DENIED: no access");
  EXPECT_EQ(registry_words(
                R"({"errors":[{"code":"A","message":"b","detail":"c"},{"code":"D","detail":{}}]})"),
            "A: b: c; D");
}

TEST(RegistryWords, OfTokenServers) {
  EXPECT_EQ(registry_words(R"({"error":"invalid_grant","error_description":"token expired"})"),
            "invalid_grant; token expired");
  EXPECT_EQ(registry_words(R"({"details":"incorrect username or password"})"),
            "incorrect username or password");
}

TEST(RegistryWords, OfOthers) {
  EXPECT_EQ(registry_words("404 page not found\nmore"), "404 page not found");
  EXPECT_EQ(registry_words("<html><body>Bad Gateway</body></html>"), "");
  EXPECT_EQ(registry_words(""), "");
  EXPECT_EQ(registry_words("{broken"), "");
  EXPECT_EQ(registry_words("[1]"), "[1]");
  EXPECT_EQ(registry_words(R"({"errors":"text"})"), "");
}

TEST(RegistryWords, NothingThatCouldFoolATerminal) {
  EXPECT_EQ(registry_words("a\x1b[31mb\x07"), "a [31mb ");
  EXPECT_EQ(registry_words(R"({"errors":[{"code":"A\u001b[2J"}]})"), "A [2J");
  EXPECT_EQ(registry_words(std::string(100'000, 'x')).size(), 1000U);
  EXPECT_EQ(registry_words("{\"errors\":" + std::string(100'000, '[')), "");
}

}  // namespace
}  // namespace slipway::registry
