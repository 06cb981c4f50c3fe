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
  EXPECT_NE(usage_error_of({"--detach", "busybox"}).find("--detach"), std::string::npos);
  EXPECT_NE(usage_error_of({"-p", "80:80", "busybox"}).find("publishing ports"), std::string::npos);
  EXPECT_NE(usage_error_of({"-itd", "busybox"}).find("foreground"), std::string::npos);
  EXPECT_NE(usage_error_of({"--restart=always", "busybox"}).find("run once"), std::string::npos);
  EXPECT_NE(usage_error_of({"--timout", "1s", "busybox"}).find("--timeout"), std::string::npos);
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

std::string mount_of(const std::string& text) {
  std::optional<builder::MountEntry> mount = parse_mount(text, "/here/now");
  if (!mount) {
    return "none";
  }
  if (const auto* tmpfs = std::get_if<builder::TmpfsMount>(&*mount)) {
    return base::cat("tmpfs ", tmpfs->target.text(), " ", tmpfs->size_bytes, " ", tmpfs->mode);
  }
  const auto& bind = std::get<builder::BindMount>(*mount);
  return base::cat(bind.source, " ", bind.target.text(),
                   bind.access == builder::Access::kReadOnly ? " ro" : " rw");
}

std::string mount_error_of(const std::string& text) {
  try {
    mount_of(text);
  } catch (const base::Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(RunMount, BindAndTmpfsByAllTheirNames) {
  EXPECT_EQ(mount_of("type=bind,source=/usr,target=/x"), "/usr /x rw");
  EXPECT_EQ(mount_of("type=bind,src=/usr,dst=/x,readonly"), "/usr /x ro");
  EXPECT_EQ(mount_of("type=bind,src=/usr,destination=/x,ro=true"), "/usr /x ro");
  EXPECT_EQ(mount_of("type=tmpfs,target=/x,tmpfs-size=1k,tmpfs-mode=700"), "tmpfs /x 1024 448");
  EXPECT_EQ(mount_of("type=volume,target=/x"), "none");
  EXPECT_EQ(mount_of("target=/x"), "none");
}

TEST(RunMount, WhatIsNoneSaysWhy) {
  EXPECT_NE(mount_error_of("type=bind,sorce=/usr,target=/x").find("source"), std::string::npos);
  EXPECT_NE(mount_error_of("type=bind,source=/no/such,target=/x").find("does not exist"),
            std::string::npos);
  EXPECT_NE(mount_error_of("type=bind,source=/usr,target=x").find("absolute"), std::string::npos);
  EXPECT_NE(mount_error_of("source=data,target=/x").find("named volumes"), std::string::npos);
  EXPECT_NE(mount_error_of("type=npipe,target=/x").find("unknown type"), std::string::npos);
}

TEST(RunTmpfs, SizeAndMode) {
  builder::TmpfsMount mount = parse_tmpfs("/run:size=64m,mode=755,noexec");
  EXPECT_EQ(mount.target.text(), "/run");
  EXPECT_EQ(mount.size_bytes, 64U << 20);
  EXPECT_EQ(mount.mode, 0755U);
  EXPECT_EQ(parse_tmpfs("/run").mode, 01777U);
  EXPECT_THROW(parse_tmpfs("/run:colour=red"), base::Error);
  EXPECT_THROW(parse_tmpfs("/"), base::Error);
}

}  // namespace
}  // namespace slipway::cmd
