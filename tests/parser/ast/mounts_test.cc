#include "parser/ast/mounts.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::expected<std::string, std::string> as_it_is(std::string_view value) {
  return std::string(value);
}

std::string error_of(std::string_view flag) {
  auto mount = evaluate_mount(flag, as_it_is);
  return mount ? "no error" : mount.error();
}

TEST(Mounts, HaveDefaultsByType) {
  EXPECT_TRUE(evaluate_mount("target=/a", as_it_is)->read_only);
  EXPECT_FALSE(evaluate_mount("type=cache,target=/a", as_it_is)->read_only);
  EXPECT_FALSE(evaluate_mount("type=tmpfs,target=/a", as_it_is)->read_only);
  EXPECT_TRUE(evaluate_mount("type=secret,id=a", as_it_is)->read_only);
  EXPECT_TRUE(evaluate_mount("type=cache,target=/a,ro", as_it_is)->read_only);
  EXPECT_FALSE(evaluate_mount("ro,rw,target=/a", as_it_is)->read_only);
}

TEST(Mounts, ValuesAreExpandedAndKeysAreNot) {
  auto mount = evaluate_mount("TYPE=Cache,id=$x,target=/$x", [](std::string_view value) {
    std::string text(value);
    if (std::size_t at = text.find("$x"); at != std::string::npos) {
      text.replace(at, 2, "v");
    }
    return std::expected<std::string, std::string>(text);
  });
  EXPECT_EQ(mount->id, "v");
  EXPECT_EQ(mount->target, "/v");
  EXPECT_EQ(mount->type, MountType::kCache);
  auto failed = evaluate_mount("target=/a", [](std::string_view) {
    return std::expected<std::string, std::string>(std::unexpected("no"));
  });
  EXPECT_EQ(failed.error(), "no");
}

TEST(Mounts, TheFirstPassLooksAtFromOnly) {
  EXPECT_EQ(find_mount_from("type=foo,bar,from=x$,baz=1"), "x$");
  EXPECT_EQ(find_mount_from("from=$x").error(),
            "'from' doesn't support variable expansion, define alias stage instead");
  EXPECT_EQ(find_mount_from("").error(), "failed to parse csv mounts: EOF");
}

TEST(Mounts, SizesHaveBinaryUnits) {
  auto size = [](std::string_view text) {
    return evaluate_mount("type=tmpfs,target=/a,size=" + std::string(text), as_it_is);
  };
  EXPECT_EQ(size("10")->size_bytes, 10);
  EXPECT_EQ(size("1K")->size_bytes, 1024);
  EXPECT_EQ(size("1.5 MiB")->size_bytes, 1572864);
  EXPECT_EQ(size("2gb")->size_bytes, 2147483648);
  EXPECT_EQ(size("3b")->size_bytes, 3);
  for (std::string_view bad : {"", "x", "1x", "1kk", "-1", "1e40", "1kib2"}) {
    EXPECT_EQ(size(bad).error(), "invalid value for size: " + std::string(bad));
  }
}

TEST(Mounts, SayWhatIsWrong) {
  EXPECT_EQ(error_of("target=/a,mode=0700"), "mode not allowed for \"bind\" type mounts");
  EXPECT_EQ(error_of("type=tmpfs,gid=1"), "gid not allowed for \"tmpfs\" type mounts");
  EXPECT_EQ(error_of("type=cache,mode=9"), "invalid value 9 for mode");
  EXPECT_EQ(error_of("type=cache,uid=-1"), "invalid value -1 for uid");
  EXPECT_EQ(error_of("ro=maybe"), "invalid value for ro: maybe");
  EXPECT_EQ(error_of("type=secret,id=a,required=2"), "invalid value for required: 2");
  EXPECT_EQ(error_of("foo"), "invalid field 'foo' must be a key=value pair");
  EXPECT_EQ(error_of("target=/a,"), "invalid field '' must be a key=value pair");
  EXPECT_EQ(error_of("type=ssh,sharing=locked"), "invalid cache sharing set for ssh mount");
}

TEST(Mounts, AreCheckedWhereTheyAreUsed) {
  EXPECT_EQ(check_mount_use({.type = MountType::kSsh, .source = "a"}, "/x"),
            "ssh does not support source");
  EXPECT_EQ(check_mount_use({}, "/"), "invalid mount target \"/\"");
  EXPECT_FALSE(check_mount_use({}, "/x").has_value());
  EXPECT_FALSE(check_mount_use({.type = MountType::kSecret}, "/").has_value());
}

}  // namespace
}  // namespace slipway::parser
