#include "cmd/run_flags.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::cmd {
namespace {

const Environment kEnvironment{{{"GIVEN", "outside"}}};

std::string text_of(const std::vector<EnvironmentChange>& changes) {
  std::vector<std::string> texts;
  for (const EnvironmentChange& change : changes) {
    texts.push_back(change.value ? base::cat(change.name, "=", *change.value)
                                 : base::cat("-", change.name));
  }
  return base::join(texts, ";");
}

std::string changes_of(std::vector<std::string> env) {
  RunFlags flags;
  flags.env = std::move(env);
  return text_of(environment_changes(flags, kEnvironment));
}

std::string volume_of(const std::string& text) {
  std::optional<builder::BindMount> mount = parse_volume(text, "/here/now");
  return mount ? base::cat(mount->source, " ", mount->target.text(),
                           mount->access == builder::Access::kReadOnly ? " ro" : " rw")
               : "none";
}

std::string usage_error_of(const std::vector<std::string>& arguments) {
  RunFlags flags;
  try {
    parse_run_flags(arguments, flags);
  } catch (const base::Error& error) {
    return error.kind() == base::ErrorKind::kUsage ? error.message() : "another kind of error";
  }
  return "no error";
}

TEST(RunFlags, EverythingBehindTheImageIsTheCommands) {
  RunFlags flags;
  ASSERT_TRUE(parse_run_flags(
      {"--rm", "-it", "-e", "A=1", "-w", "/x", "busybox", "sh", "-c", "ls -l", "--rm", "-w", "y"},
      flags));
  EXPECT_TRUE(flags.interactive && flags.terminal);
  EXPECT_EQ(flags.working_directory, "/x");
  EXPECT_EQ(base::join(flags.words, "|"), "busybox|sh|-c|ls -l|--rm|-w|y");
}

TEST(RunFlags, AnEmptyEntrypointIsNotAMissingOne) {
  RunFlags with;
  RunFlags without;
  ASSERT_TRUE(parse_run_flags({"--entrypoint", "", "busybox"}, with));
  ASSERT_TRUE(parse_run_flags({"busybox"}, without));
  EXPECT_EQ(with.entrypoint, "");
  EXPECT_EQ(without.entrypoint, std::nullopt);
}

TEST(RunFlags, WhatAForegroundCommandCanNotHaveIsRefused) {
  EXPECT_NE(usage_error_of({"-d", "busybox"}).find("--detach"), std::string::npos);
  EXPECT_NE(usage_error_of({"-p", "80:80", "busybox"}).find("publishing ports"), std::string::npos);
  EXPECT_NE(usage_error_of({"--pull=sometimes", "busybox"}).find("sometimes"), std::string::npos);
  EXPECT_NE(usage_error_of({"--rm"}).find("IMAGE"), std::string::npos);
}

TEST(RunEnvironment, ABareNamePassesOnTheValueHereOrTakesTheVariableAway) {
  EXPECT_EQ(changes_of({"A=1", "B=x y=z", "GIVEN", "UNSET", "EMPTY="}),
            "A=1;B=x y=z;GIVEN=outside;-UNSET;EMPTY=");
}

TEST(RunEnvironment, AVariableNeedsAName) {
  EXPECT_THROW(changes_of({"=value"}), base::Error);
  EXPECT_THROW(changes_of({""}), base::Error);
}

TEST(EnvFile, HasAVariableALineAndComments) {
  EXPECT_EQ(text_of(parse_env_file(
                "\xEF\xBB\xBF# comment\nA=1\n\n  B= two words # kept\r\nGIVEN\nUNSET\n", "file",
                kEnvironment)),
            "A=1;B= two words # kept;GIVEN=outside");
}

TEST(EnvFile, ANameWithWhiteSpaceIsToldWithItsLine) {
  try {
    parse_env_file("A=1\nB C=2\n", "vars", kEnvironment);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.message(), "vars:2: variable \"B C\" contains white space");
  }
}

TEST(EnvFile, AMissingFileIsNotFound) {
  RunFlags flags;
  flags.env_files = {"/nonexistent/vars"};
  try {
    environment_changes(flags, kEnvironment);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kNotFound);
  }
}

TEST(Volume, IsHostContainerAndOptions) {
  EXPECT_EQ(volume_of("/a:/b"), "/a /b rw");
  EXPECT_EQ(volume_of("/a/../c:/b/./d:ro"), "/c /b/d ro");
  EXPECT_EQ(volume_of("/a:/b:z,ro"), "/a /b ro");
  EXPECT_EQ(volume_of("./data:/b"), "/here/now/data /b rw");
  EXPECT_EQ(volume_of("../up:/b"), "/here/up /b rw");
}

TEST(Volume, WithoutAHostNothingNeedsToBeMounted) {
  EXPECT_EQ(volume_of("/data"), "none");
}

TEST(Volume, NamesAndNonsenseAreRefused) {
  for (const char* text : {"name:/b", "/a:relative", "/a:/b:wrong", "/a:/b:ro:x", ":/b", "", "name",
                           "/a:/", "a/b:/c"}) {
    EXPECT_THROW(volume_of(text), base::Error) << text;
  }
}

}  // namespace
}  // namespace slipway::cmd
