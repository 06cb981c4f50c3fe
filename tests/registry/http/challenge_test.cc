#include "registry/http/challenge.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::registry {
namespace {

// "scheme name=value name=value; scheme …"
std::string dump(std::string_view header) {
  std::string text;
  for (const Challenge& challenge : parse_challenges(header)) {
    text += text.empty() ? "" : "; ";
    text += challenge.scheme;
    for (const auto& [name, value] : challenge.parameters) {
      text += base::cat(" ", name, "=", value);
    }
  }
  return text;
}

TEST(Challenge, ReadsWhatRegistriesSend) {
  EXPECT_EQ(
      dump(R"(Bearer realm="https://auth/token",service="s",scope="repository:a/b:pull,push")"),
      "bearer realm=https://auth/token scope=repository:a/b:pull,push service=s");
  EXPECT_EQ(dump(R"(Basic realm="Registry Realm")"), "basic realm=Registry Realm");
}

TEST(Challenge, SchemesHaveNoCaseAndSpaceIsFree) {
  EXPECT_EQ(dump("BEARER  REALM = \"x\" ,  Service=y"), "bearer realm=x service=y");
}

TEST(Challenge, SeveralInOneHeader) {
  EXPECT_EQ(dump(R"(Negotiate, Basic realm="a, b", Bearer realm="c",error="d")"),
            "negotiate; basic realm=a, b; bearer error=d realm=c");
}

TEST(Challenge, EscapesInQuotes) {
  EXPECT_EQ(dump(R"(Basic realm="a\"b\\c")"), R"(basic realm=a"b\c)");
}

TEST(Challenge, UnquotedUrlsAreTaken) {
  EXPECT_EQ(dump("Bearer realm=https://a/t?x=1,service=s"),
            "bearer realm=https://a/t?x=1 service=s");
}

TEST(Challenge, NonsenseEndsAndYieldsWhatItCan) {
  EXPECT_EQ(dump(""), "");
  EXPECT_EQ(dump(",,, ,"), "");
  EXPECT_EQ(dump("\x01\x02, Basic realm=\"x"), "basic realm=x");
  EXPECT_EQ(dump("=\"a\", Bearer realm=\"y\\"), "bearer realm=y\\");
  EXPECT_EQ(dump("Basic realm="), "basic realm=");
}

TEST(Challenge, EveryHeaderCounts) {
  Headers headers{{"WWW-Authenticate", "Basic realm=\"a\""},
                  {"www-authenticate", "Bearer realm=\"b\""}};
  ASSERT_EQ(challenges_of(headers).size(), 2U);
  EXPECT_EQ(challenges_of(headers)[1].parameter("realm"), "b");
  EXPECT_EQ(challenges_of(headers)[1].parameter("service"), "");
}

TEST(Scope, TextAndBack) {
  Scope scope = repository_scope("a/b", {"push", "pull"});
  EXPECT_EQ(scope.text(), "repository:a/b:pull,push");
  EXPECT_EQ(Scope::parse("repository:a/b:push,pull,pull"), scope);
  EXPECT_EQ(Scope::parse("repository:host:5000/a:pull")->name, "host:5000/a");
  EXPECT_FALSE(Scope::parse("repository:a").has_value());
  EXPECT_FALSE(Scope::parse("").has_value());
}

}  // namespace
}  // namespace slipway::registry
