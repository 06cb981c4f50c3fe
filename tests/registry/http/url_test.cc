#include "registry/http/url.h"

#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

std::string parsed(std::string_view text) {
  auto url = Url::parse(text);
  return url ? url->text() : "none";
}

TEST(Url, NormalisesSchemeHostAndPort) {
  EXPECT_EQ(parsed("HTTPS://Example.COM"), "https://example.com/");
  EXPECT_EQ(parsed("https://example.com:443/a?b=c#d"), "https://example.com/a?b=c");
  EXPECT_EQ(parsed("http://[::1]:5000/v2/"), "http://[::1]:5000/v2/");
  EXPECT_EQ(parsed("http://host?x=1"), "http://host/?x=1");
}

TEST(Url, RefusesWhatIsNoUrlOfARegistry) {
  for (std::string_view bad :
       {"", "host/path", "ftp://host/", "https://", "https:///a", "https://user:pw@host/",
        "https://host:99999/", "https://host:/", "https://ho st/", "https://host/a b",
        "https://host/\r\nX: y", "https://[::1/", "https://[zz]/", "https://ho\x01st/"}) {
    EXPECT_EQ(parsed(bad), "none") << bad;
  }
}

std::string resolved(std::string_view location) {
  auto url = Url::parse("https://r.example:5000/v2/a/blobs/uploads/1?state=x").value();
  auto result = url.resolve(location);
  return result ? result->text() : "none";
}

TEST(Url, ResolvesLocations) {
  EXPECT_EQ(resolved("http://other/x?y"), "http://other/x?y");
  EXPECT_EQ(resolved("//other/x"), "https://other/x");
  EXPECT_EQ(resolved("/v2/b"), "https://r.example:5000/v2/b");
  EXPECT_EQ(resolved("2?state=y"), "https://r.example:5000/v2/a/blobs/uploads/2?state=y");
  EXPECT_EQ(resolved("?state=z"), "https://r.example:5000/v2/a/blobs/uploads/1?state=z");
  EXPECT_EQ(resolved("../x/./y"), "https://r.example:5000/v2/a/blobs/x/y");
  EXPECT_EQ(resolved("/../../x/.."), "https://r.example:5000/");
  EXPECT_EQ(resolved("/x?a=../b"), "https://r.example:5000/x?a=../b");
  EXPECT_EQ(resolved("/a:b"), "https://r.example:5000/a:b");
  EXPECT_EQ(resolved("ftp://x/"), "none");
  EXPECT_EQ(resolved("/a b"), "none");
}

TEST(Url, QueryIsAddedWithTheRightSeparator) {
  Url url = Url::parse("https://h/a").value();
  url.add_query("digest", "sha256:1");
  url.add_query("x", "a b&c");
  EXPECT_EQ(url.text(), "https://h/a?digest=sha256:1&x=a%20b%26c");
  EXPECT_EQ(url.display(), "https://h/a");
}

TEST(Url, OriginIsSchemeHostAndPort) {
  Url url = Url::parse("https://h/a").value();
  EXPECT_TRUE(url.same_origin(Url::parse("https://h:443/b").value()));
  EXPECT_FALSE(url.same_origin(Url::parse("https://h:444/a").value()));
  EXPECT_FALSE(url.same_origin(Url::parse("http://h:443/a").value()));
  EXPECT_FALSE(url.same_origin(Url::parse("https://h.example/a").value()));
}

TEST(Hosts, LoopbackIsByAddressOrName) {
  for (std::string_view host : {"127.0.0.1", "127.9.9.9", "::1", "localhost", "a.localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (std::string_view host : {"128.0.0.1", "localhost.example", "127.0.0.1.example", "::2"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Hosts, ListedByNamePortOrNetwork) {
  EXPECT_TRUE(host_matches("r.example", 5000, "r.example"));
  EXPECT_TRUE(host_matches("r.example", 5000, "R.example:5000"));
  EXPECT_FALSE(host_matches("r.example", 5000, "r.example:443"));
  EXPECT_TRUE(host_matches("10.1.2.3", 80, "10.1.0.0/16"));
  EXPECT_FALSE(host_matches("10.2.2.3", 80, "10.1.0.0/16"));
  EXPECT_TRUE(host_matches("fd00::1", 80, "fd00::/8"));
  EXPECT_FALSE(host_matches("r.example", 80, "0.0.0.0/0"));
  EXPECT_FALSE(host_matches("10.1.2.3", 80, "10.1.0.0/99"));
}

TEST(Url, NoProxyIsReadAsGoReadsIt) {
  auto direct = [](std::string_view url, std::string_view no_proxy) {
    return bypasses_proxy(*Url::parse(url), no_proxy);
  };
  EXPECT_TRUE(direct("https://a.example/", "*"));
  EXPECT_TRUE(direct("https://a.example/", "x, a.example"));
  EXPECT_TRUE(direct("https://r.a.example/", "a.example"));
  EXPECT_TRUE(direct("https://r.a.example/", ".a.example,b"));
  EXPECT_TRUE(direct("https://r.a.example/", "*.a.example"));
  EXPECT_FALSE(direct("https://a.example/", ".a.example"));
  EXPECT_FALSE(direct("https://a.example/", "*.a.example"));
  EXPECT_FALSE(direct("https://ba.example/", "a.example"));
  EXPECT_TRUE(direct("https://a.example:5000/", "a.example:5000"));
  EXPECT_FALSE(direct("https://a.example/", "a.example:5000"));
  EXPECT_TRUE(direct("http://r.a.example:5000/", "a.example:5000"));
  EXPECT_TRUE(direct("http://10.1.2.3:5000/", "10.0.0.0/8"));
  EXPECT_FALSE(direct("http://11.1.2.3/", "10.0.0.0/8"));
  EXPECT_TRUE(direct("http://10.1.2.3/", "10.1.2.3"));
  EXPECT_TRUE(direct("https://[fd00::1]/", "fd00::/8"));
  EXPECT_TRUE(direct("https://[fd00::1]:5000/", "[fd00::1]:5000"));
  EXPECT_FALSE(direct("https://a.example/", ""));
  EXPECT_FALSE(direct("https://a.example/", ",,/,:,a..example/8"));
}

}  // namespace
}  // namespace slipway::registry
