#include "parser/git_ref.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::string error_of(std::string_view text) {
  return parse_git_reference(text).error;
}

TEST(GitReference, FlagsMayBeBare) {
  auto result =
      parse_git_reference("https://h/a.git?keep-git-dir&submodules=false&fetch-by-commit=1");
  ASSERT_TRUE(result.reference.has_value());
  EXPECT_EQ(result.reference->keep_git_dir, true);
  EXPECT_EQ(result.reference->submodules, false);
  EXPECT_EQ(result.reference->fetch_by_commit, true);
}

TEST(GitReference, QueriesAreDecoded) {
  auto result = parse_git_reference("https://h/a.git?ref=a%2Fb+c&subdir=%64");
  EXPECT_EQ(result.reference->ref, "a/b c");
  EXPECT_EQ(result.reference->subdir, "d");
}

TEST(GitReference, ConflictsAreNamed) {
  EXPECT_EQ(error_of("https://h/a.git?ref=x#y"), "ref conflicts: \"y\" vs \"x\"");
  EXPECT_EQ(error_of("https://h/a.git?subdir=x#:y"), "subdir conflicts: \"y\" vs \"x\"");
  EXPECT_EQ(error_of("https://h/a.git?branch=x#y"), "ref conflicts: \"y\" vs \"refs/heads/x\"");
  EXPECT_EQ(error_of("https://h/a.git?ref=x&ref=y"), "query \"ref\" has multiple values");
  EXPECT_EQ(error_of("https://h/a.git?tag="), "query \"tag\" has no value");
}

TEST(GitReference, RefsMayBeWrittenInFull) {
  EXPECT_EQ(parse_git_reference("https://h/a.git?tag=refs/tags/v1").reference->ref, "refs/tags/v1");
}

TEST(GitReference, OtherTextsAreNoGit) {
  for (std::string_view other :
       {"", "a", "/a.git", "ftp://h/a.git", "https://h/%zz.git", "@h:x", "a b@h:x", "user@ho st:x",
        "user@h", "https://h o/a.git", "https://h/a\n.git"}) {
    EXPECT_FALSE(parse_git_reference(other).is_git) << other;
  }
}

TEST(HttpUrl, IsOneOfTwoSchemes) {
  EXPECT_TRUE(is_http_url("https://x"));
  EXPECT_TRUE(is_http_url("http://x"));
  EXPECT_FALSE(is_http_url("git://x"));
  EXPECT_FALSE(is_http_url("./http://x"));
}

}  // namespace
}  // namespace slipway::parser
